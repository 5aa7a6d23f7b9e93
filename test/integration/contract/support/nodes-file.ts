import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import type { SimnetControl } from '../../../../src/adapters/simulated/gateway/control-calls.ts';
import { startSimnet } from '../../../../src/adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../../../../src/adapters/simulated/simnet-config.ts';
import { systemClock, systemRandom } from '../../../../src/app/system.ts';
import { silentLogger } from '../../../../src/core/ports/logger.ts';

/** Nodes that somebody else runs: a simulated network behind its socket, and the file that describes it. */
export interface NodesFile extends AsyncDisposable {
  readonly file: string;
  readonly folder: string;
  readonly control: SimnetControl;
}

const NAMES = { payer: 'alice', middle: 'bob', payee: 'carol' } as const;

/** Starts the network, without channels or coins, and writes the file; `change` is made to it before. */
export async function nodesFile(change: (content: Content) => unknown = (content) => content): Promise<NodesFile> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tp-nodes-'));
  const config = simnetConfigSchema.parse({
    socket: path.join(folder, 'simnet.sock'),
    dir: path.join(folder, 'simnet'),
    nodes: Object.values(NAMES),
    channels: [],
    walletSat: 0,
  });
  const simnet = await startSimnet(config, { clock: systemClock, random: systemRandom, logger: silentLogger });
  const ports = new Map<string, number>();
  for (const { name, uri } of await simnet.control.call('nodes', {})) ports.set(name, Number(uri.split(':').at(-1)));
  const file = path.join(folder, 'nodes.yaml');
  await writeFile(file, stringify(change(contentFor(ports))));
  return {
    file,
    folder,
    control: simnet.control,
    async [Symbol.asyncDispose]() {
      await simnet[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A node of the file. */
interface NodeContent {
  readonly backend: Readonly<Record<string, unknown>>;
  readonly address: string;
  readonly stop: string;
  readonly start: string;
}

/** What the file holds. */
export interface Content {
  readonly bitcoin: Readonly<Record<'mine' | 'sendToAddress' | 'confirmations', string>>;
  readonly timeFactor: number;
  readonly backlogSize: number;
  readonly backends: { readonly simulated: Readonly<Record<'payer' | 'middle' | 'payee', NodeContent>> };
}

function contentFor(ports: ReadonlyMap<string, number>): Content {
  const script = path.join(import.meta.dirname, 'simnet-control.ts');
  const command = (text: string): string => `"${process.execPath}" "${script}" ./simnet.sock ${text}`;
  const node = (name: string): NodeContent => ({
    backend: { kind: 'simulated', socket: './simnet.sock', node: name },
    address: `127.0.0.1:${ports.get(name)}`,
    stop: command(`stop ${name}`),
    start: command(`start ${name}`),
  });
  return {
    bitcoin: {
      mine: command('mine $BLOCKS'),
      sendToAddress: command('send $ADDRESS $SAT'),
      confirmations: command('confirmations $TXID'),
    },
    timeFactor: 2,
    backlogSize: 20,
    backends: { simulated: { payer: node(NAMES.payer), middle: node(NAMES.middle), payee: node(NAMES.payee) } },
  };
}
