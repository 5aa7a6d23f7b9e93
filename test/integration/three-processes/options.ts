import { parseArgs } from 'node:util';
import type { NodeKind } from '../../../regtest/network.ts';
import { systemClock } from '../../../src/app/system.ts';

const NETWORKS = ['emulated', 'native'] as const;
const KINDS: readonly NodeKind[] = ['lnd', 'cln', 'eclair'];

/** What `npm run three-processes` was told. */
export interface ThreeProcessesOptions {
  readonly network: (typeof NETWORKS)[number];
  readonly seller: NodeKind;
  readonly middle: NodeKind;
  readonly buyer: NodeKind;
  readonly rounds: number;
  readonly buyers: number;
  readonly seed: number;
}

export const HELP: string = `npm run three-processes -- --network ${NETWORKS.join('|')} [options]

Seller and buyers as processes of their own, on nodes of a network that is made for them; the seller with lnd's invoice macaroon
alone. Server and buyers are killed, the seller's node is restarted, and what the buyers' node says was paid is held against
what the buyers wrote.

  --backend KIND   ${KINDS.join(' | ')} for every node (default: lnd)
  --seller KIND    another one for the seller; --buyer and --middle likewise (the middle is as the buyer unless given)
  --rounds N       so many times (default: 5)
  --buyers N       buyers in each round (default: 3)
  --seed N         the moments depend on it (default: drawn, and printed)
  --help

The last line is "N passed, N failed". Exit codes: 0 all passed · 1 something failed · 2 the command line is wrong · 130 interrupted.
`;

/** @throws Error that says what is wrong with the command line. Undefined: help was asked for. */
export function readOptions(args: readonly string[]): ThreeProcessesOptions | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      network: text,
      backend: { ...text, default: 'lnd' },
      seller: text,
      middle: text,
      buyer: text,
      rounds: { ...text, default: '5' },
      buyers: { ...text, default: '3' },
      seed: text,
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { backend, seller = backend, buyer = backend, middle = buyer } = values;
  return {
    network: oneOf('--network', NETWORKS, values.network ?? '(left out)'),
    seller: oneOf('--seller', KINDS, seller),
    middle: oneOf('--middle', KINDS, middle),
    buyer: oneOf('--buyer', KINDS, buyer),
    rounds: whole('--rounds', values.rounds),
    buyers: whole('--buyers', values.buyers),
    seed: values.seed === undefined ? systemClock.now() % 1_000_000 : whole('--seed', values.seed),
  };
}

function oneOf<T extends string>(name: string, allowed: readonly T[], value: string): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`${name} ${value}: there are ${allowed.join(', ')}`);
  return found;
}

function whole(name: string, value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${name} ${value}: a whole number from 1`);
  return number;
}
