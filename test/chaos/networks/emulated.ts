import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NodeKind } from '../../../regtest/network.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import { patient } from '../patience.ts';
import { Program } from '../program.ts';
import type { BackendConfig, ChaosNetwork, NetworkOptions } from './network.ts';
import { SimnetAccess } from './simnet-access.ts';
import { type WiredConfig, wired } from './wired.ts';

const READY_MS = 60_000;

/** Emulated nodes: the real client packages on the wire, the nodes in a process of their own. */
export async function emulatedChaos(kind: NodeKind, { dir }: NetworkOptions): Promise<ChaosNetwork> {
  let configs: Readonly<Record<string, BackendConfig>> | undefined;
  let up = false;
  const program = new Program({
    name: 'nodes',
    args: [fileURLToPath(new URL('./emulated-process.ts', import.meta.url)), dir, kind],
    watch: 'stdout',
    onLine: (line) => {
      configs = JSON.parse(line) as Readonly<Record<string, BackendConfig>>;
      up = true;
    },
    log: join(dir, 'nodes.out'),
    other: () => {
      up = false;
      return join(dir, 'nodes.err');
    },
    onExit: () => program.start(),
  });
  const access = new SimnetAccess(join(dir, 'net.sock'));
  program.start();
  await waitUntil('the emulated nodes answer', async () => up, patient(READY_MS));
  const known = configs ?? {};
  const over = async (name: string): Promise<WiredConfig> => {
    const found = known[name];
    if (found === undefined) throw new Error(`there is no emulated node ${name}`);
    return await wired(found, dir, name);
  };
  const [seller, one, two] = [await over('seller'), await over('buyer'), await over('buyer2')];
  const wires = [seller.wire, one.wire, two.wire];
  const buyers = ['buyer', 'buyer2'] as const;
  return {
    seller: seller.config,
    buyers: [one.config, two.config],
    wires,
    faulty: { seller: 'seller', buyers },
    kill: () => program.restart('SIGKILL'),
    ready: async () => {
      await waitUntil('the emulated nodes answer', async () => up, patient(READY_MS));
      await access.ready();
    },
    fault: (order) => access.fault(order),
    payments: () => access.payments(buyers),
    async [Symbol.asyncDispose]() {
      await access[Symbol.asyncDispose]();
      for (const wire of wires) await wire[Symbol.asyncDispose]();
      await program.end('SIGKILL');
    },
  };
}
