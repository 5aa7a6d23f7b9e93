import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/app/system.ts';
import { SABOTAGES } from './sabotage/names.ts';

const NETWORKS = ['simulated', 'emulated', 'native'] as const;
const BACKENDS = ['lnd', 'cln', 'eclair'] as const;
const PROCESSES = ['server', 'server,listener'] as const;

/** What `npm run chaos` was told. */
export interface ChaosOptions {
  readonly network: (typeof NETWORKS)[number];
  readonly backend: (typeof BACKENDS)[number];
  /** Whether the seller's side is one process, or a listener of its own follows the node. */
  readonly processes: (typeof PROCESSES)[number];
  readonly kills: number;
  readonly seed: string;
  readonly minutes: number | undefined;
  readonly lanes: number;
  readonly patienceSeconds: number;
  readonly sabotage: string | undefined;
  /** A folder to leave the servers' files in. */
  readonly keep: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

export const HELP: string = `npm run chaos -- [options]

Kills real processes at random moments, and holds what the payers' nodes say was paid against what the buyers' processes wrote.
At the end the servers' ledgers and journals are verified: as they are they must be clean, with a bit of a copy flipped they must not.

  --network NAME   ${NETWORKS.join(' | ')} (default: simulated)
  --backend NAME   ${BACKENDS.join(' | ')}: which nodes an emulated or native network has (default: lnd)
  --processes LIST ${PROCESSES.join(' | ')}: one process for the seller, or the listener apart, both killed (default: server)
  --kills N        so many kills with SIGKILL (default: 20)
  --seed S         what is planned depends on it alone (default: drawn, and printed)
  --minutes M      ends after so long, however many kills there were
  --lanes N        worlds at the same time, each with a server and a network of its own (default: 2; below 10 kills, and native, 1)
  --patience S     what has not come when nothing has come for so long is lost (default: 40)
  --sabotage NAME  builds a fault into the product for this run:
${Object.entries(SABOTAGES)
  .map(([name, { description }]) => `                     ${name.padEnd(20)} ${description}`)
  .join('\n')}
  --keep FOLDER    leaves each server's ledger, journal and config there, for \`tickerplant ledger verify\` and \`journal verify\`
  --json           one JSON line on standard output at the end
  --help

Exit codes: 0 nothing lost, doubled or given away · 1 a violation, or it could not be judged · 2 the command line is wrong · 130 interrupted.
`;

/** @throws Error that says what is wrong with the command line. */
export function readOptions(args: readonly string[]): ChaosOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      network: { ...text, default: 'simulated' },
      backend: { ...text, default: 'lnd' },
      processes: { ...text, default: 'server' },
      kills: { ...text, default: '20' },
      seed: text,
      minutes: text,
      lanes: text,
      patience: { ...text, default: '40' },
      sabotage: text,
      keep: text,
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { sabotage } = values;
  if (sabotage !== undefined && !Object.hasOwn(SABOTAGES, sabotage)) {
    throw new Error(`--sabotage ${sabotage}: there are ${Object.keys(SABOTAGES).join(', ')}`);
  }
  const network = oneOf('--network', NETWORKS, values.network);
  return {
    network,
    backend: oneOf('--backend', BACKENDS, values.backend),
    processes: oneOf('--processes', PROCESSES, values.processes),
    kills: whole('--kills', values.kills),
    seed: values.seed ?? String(systemClock.now() % 1_000_000),
    minutes: values.minutes === undefined ? undefined : positive('--minutes', values.minutes),
    lanes: values.lanes === undefined ? (Number(values.kills) < 10 || network === 'native' ? 1 : 2) : whole('--lanes', values.lanes),
    patienceSeconds: positive('--patience', values.patience),
    sabotage,
    keep: values.keep === undefined ? undefined : resolve(values.keep),
    json: values.json,
    help: values.help,
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

function positive(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new Error(`${name} ${value}: a number above 0`);
  return number;
}
