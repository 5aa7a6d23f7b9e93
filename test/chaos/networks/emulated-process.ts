import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EMULATED } from '../../../regtest/emulated/kinds.ts';
import type { NodeConfig, NodeKind } from '../../../regtest/network.ts';
import { SeededRandom } from '../../../src/adapters/simulated/seeded-random.ts';
import { openSimnet } from '../../../src/adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../../../src/adapters/simulated/simnet-config.ts';
import { SimnetServer } from '../../../src/adapters/simulated/socket/server.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { Random } from '../../../src/core/ports/random.ts';

/**
 * Emulated nodes of one kind as a process of its own, over a simulated network that survives being killed: `DIR KIND`. Their
 * ports and credentials are those of the first start. Prints a line of JSON with their configs when they answer.
 */
const [dir = '', kind = ''] = process.argv.slice(2);
const CHANNEL_SAT = 100_000_000;
const channel = { to: 'seller', sat: CHANNEL_SAT, pushSat: CHANNEL_SAT / 10 };
const topology = {
  socket: join(dir, 'net.sock'),
  dir: join(dir, 'simnet'),
  nodes: ['seller', 'buyer', 'buyer2'],
  channels: [
    { from: 'buyer', ...channel },
    { from: 'buyer2', ...channel },
  ],
};

const shared = { clock: systemClock, logger: silentLogger };
const config = simnetConfigSchema.parse(topology);
const simnet = openSimnet(config, { ...shared, random: systemRandom });
const make = await EMULATED[kind as NodeKind]();
const configs: Record<string, NodeConfig> = {};
for (const name of config.nodes) {
  const folder = join(dir, name);
  mkdirSync(folder, { recursive: true });
  const random = rememberingRandom(name);
  const server = await make({ ...shared, random, node: simnet.node(name), network: simnet.network, dir: folder, port: portOf(folder) });
  await simnet.control.call('startNode', { node: name });
  await server.start();
  configs[name] = server.config;
  writeFileSync(join(folder, 'port'), String(/\d+$/.exec(String(server.config['host'] ?? server.config['url'] ?? ''))?.[0] ?? 0));
}
await SimnetServer.listen(simnet.gateway, config.socket, silentLogger);
process.stdout.write(`${JSON.stringify(configs)}\n`);

/** What it draws first, a node's credentials, is the same after every start: a real node keeps them in its files. */
function rememberingRandom(name: string): Random {
  let first: SeededRandom | undefined = new SeededRandom(`${dir}/${name}`);
  return {
    bytes(length) {
      const source = first ?? systemRandom;
      first = undefined;
      return source.bytes(length);
    },
  };
}

function portOf(folder: string): number {
  try {
    return Number(readFileSync(join(folder, 'port'), 'utf8'));
  } catch {
    return 0;
  }
}
