import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { COMMAND, Program } from '../program.ts';
import type { ChaosNetwork, NetworkOptions } from './network.ts';
import { SimnetAccess } from './simnet-access.ts';

const CHANNEL_SAT = 100_000_000;

/** `tickerplant simnet` as a process of its own: seller, two buyers beside it, one behind a router. */
export async function simulatedChaos({ dir }: NetworkOptions): Promise<ChaosNetwork> {
  const socket = join(dir, 'net.sock');
  const file = join(dir, 'simnet.yaml');
  const channel = (from: string, to: string) => ({ from, to, sat: CHANNEL_SAT, pushSat: CHANNEL_SAT / 10 });
  const channels = [channel('buyer', 'seller'), channel('buyer2', 'router'), channel('router', 'seller')];
  writeFileSync(
    file,
    stringify({ simnet: { socket, dir: join(dir, 'simnet'), nodes: ['seller', 'buyer', 'buyer2', 'router'], channels } }),
  );
  const program = new Program({
    name: 'simnet',
    args: [COMMAND, 'simnet', '--config', file, '--json'],
    watch: 'stdout',
    onLine: () => undefined,
    log: join(dir, 'simnet.out'),
    other: () => join(dir, 'simnet.err'),
    onExit: () => program.start(),
  });
  const access = new SimnetAccess(socket);
  program.start();
  await access.ready();
  const buyers = ['buyer', 'buyer2'] as const;
  const backend = (node: string) => ({ kind: 'simulated', socket, node });
  return {
    seller: backend('seller'),
    buyers: [backend('buyer'), backend('buyer2')],
    faulty: { seller: 'seller', buyers },
    wires: [],
    kill: () => program.restart('SIGKILL'),
    ready: () => access.ready(),
    fault: (order) => access.fault(order),
    payments: () => access.payments(buyers),
    async [Symbol.asyncDispose]() {
      await access[Symbol.asyncDispose]();
      await program.end('SIGKILL');
    },
  };
}
