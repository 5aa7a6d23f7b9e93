import { simulatedBackend } from '../adapters/simulated/backend/backend.ts';
import { openSimnet } from '../adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../adapters/simulated/simnet-config.ts';
import type { LightningBackend } from '../core/lightning/backend.ts';
import type { Clock } from '../core/ports/clock.ts';
import { type Logger, silentLogger } from '../core/ports/logger.ts';
import type { Random } from '../core/ports/random.ts';
import { openSqliteLedger } from '../storage/ledger/sqlite-ledger.ts';
import { systemClock, systemRandom } from './system.ts';

/** What {@link openSimulatedNetwork} makes a network of. */
export interface SimulatedNetworkOptions {
  /** Nodes, channels and the rest as under `simnet:` in a file (see docs/configuration.md); left out: seller, buyer, buyer2 and router. */
  readonly network?: Readonly<Record<string, unknown>>;
  /** Where it keeps what it remembers; left out, in memory. */
  readonly dir?: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A Lightning network in software, for tests and examples: play money. */
export interface SimulatedNetwork extends AsyncDisposable {
  /** The backend of one of its nodes, with payments remembered in memory. @throws LightningError `NOT_FOUND` at its first call where there is no such node. */
  backend(node: string): Promise<LightningBackend>;
}

/** Opens a simulated network in this process. Disposing of it ends its backends too. @throws ZodError for what the network can't be. */
export async function openSimulatedNetwork(options: SimulatedNetworkOptions = {}): Promise<SimulatedNetwork> {
  const { logger = silentLogger, clock = systemClock, random = systemRandom, dir } = options;
  const topology = simnetConfigSchema.parse(options.network ?? {});
  const simnet = openSimnet({ ...topology, dir }, { clock, random, logger });
  const opened: AsyncDisposable[] = [];
  return {
    async backend(node) {
      const store = await openSqliteLedger({ path: ':memory:', logger: silentLogger });
      const { intents } = store;
      const backend = await simulatedBackend(simnet.node(node), { clock, random, logger, intents });
      opened.push(store, backend);
      return backend;
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
      await simnet[Symbol.asyncDispose]();
    },
  };
}
