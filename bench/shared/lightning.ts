import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startNativeNetwork } from '../../regtest/native/native-network.ts';
import type { NodeConfig, NodeKind } from '../../regtest/network.ts';
import type { BenchOptions } from '../bench.ts';

/** A seller's node and a buyer's, with a channel between them, outside of the processes that are measured. */
export interface LightningNodes extends AsyncDisposable {
  readonly network: 'simulated' | 'emulated' | 'native';
  readonly kind: NodeKind | 'simulated';
  readonly seller: NodeConfig;
  readonly buyer: NodeConfig;
}

export const NETWORK_OPTIONS = `  --network N      simulated, emulated (unless given) or native
  --kind K         lnd (unless given), cln or eclair`;

const FUNDING_SAT = 20_000_000;
const CAPACITY_SAT = 15_000_000;
const KINDS: readonly NodeKind[] = ['lnd', 'cln', 'eclair'];

/** Starts the nodes that `--network` and `--kind` name. @throws Error for what there is not, or can't be installed. */
export async function startNodes({ network = 'emulated', kind = 'lnd', note }: BenchOptions, dir: string): Promise<LightningNodes> {
  if (!KINDS.includes(kind as NodeKind)) throw new Error(`--kind is one of ${KINDS.join(', ')}, not ${kind}`);
  note(`starting nodes: ${network}${network === 'simulated' ? '' : ` ${kind}`}`);
  if (network === 'native') return await native(kind as NodeKind, note);
  if (network !== 'emulated' && network !== 'simulated') throw new Error(`--network is simulated, emulated or native, not ${network}`);
  return await software(network, kind as NodeKind, join(dir, 'nodes'));
}

/** The simulated network in a process of its own, with emulated nodes before it, which speak their kinds' own wire. */
async function software(network: 'simulated' | 'emulated', kind: NodeKind, dir: string): Promise<LightningNodes> {
  mkdirSync(dir, { recursive: true });
  const file = join(import.meta.dirname, '../../test/chaos/networks/emulated-process.ts');
  const child = spawn(process.execPath, [file, dir, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  process.on('exit', () => child.kill('SIGKILL'));
  const dispose = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const configs = JSON.parse(line) as Readonly<Record<string, NodeConfig>>;
    const configOf = (node: string): NodeConfig => {
      if (network === 'simulated') return { kind: 'simulated', socket: join(dir, 'net.sock'), node };
      return configs[node] ?? { kind };
    };
    const seller = configOf('seller');
    return { network, kind: network === 'simulated' ? network : kind, seller, buyer: configOf('buyer'), [Symbol.asyncDispose]: dispose };
  }
  throw new Error('the emulated nodes ended before they began');
}

async function native(kind: NodeKind, note: (text: string) => void): Promise<LightningNodes> {
  const network = await startNativeNetwork({ payer: kind }, note);
  try {
    await network.fund('payer', FUNDING_SAT);
    await network.openChannel({ from: 'payer', to: 'payee', capacitySat: CAPACITY_SAT });
    const [payee, payer] = [network.node('payee'), network.node('payer')];
    return {
      network: 'native',
      kind,
      seller: payee.config,
      buyer: payer.config,
      [Symbol.asyncDispose]: () => network[Symbol.asyncDispose](),
    };
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}
