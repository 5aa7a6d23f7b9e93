import { simulatedBackend } from '../../../src/adapters/simulated/backend/backend.ts';
import { auditedMsat } from '../../../src/adapters/simulated/network/audit.ts';
import type { Store } from '../../../src/adapters/simulated/network/store.ts';
import { SeededRandom } from '../../../src/adapters/simulated/seeded-random.ts';
import { type EmbeddedSimnet, openSimnet } from '../../../src/adapters/simulated/simnet.ts';
import { type SimnetChannel, simnetConfigSchema } from '../../../src/adapters/simulated/simnet-config.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { PaymentIntents } from '../../../src/core/ports/payment-intents.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryIntents } from '../../support/memory-intents.ts';

/** A network in the process with a clock that is moved by hand. */
export interface World {
  readonly clock: ManualClock;
  readonly random: SeededRandom;
  readonly simnet: EmbeddedSimnet;
  backend(node: string, intents?: PaymentIntents): LightningBackend;
}

type Channel = Pick<SimnetChannel, 'from' | 'to' | 'sat'> & Partial<SimnetChannel>;

/** Makes a network of nodes and channels; left out, the default ones. */
export function world(
  options: { nodes?: string[]; channels?: Channel[]; store?: Store; clock?: ManualClock; walletSat?: number; seed?: number } = {},
): World {
  const { store, clock = new ManualClock(), seed = 1, ...rest } = options;
  const random = new SeededRandom(`world ${seed}`);
  const topology = simnetConfigSchema.parse(rest);
  const simnet = openSimnet({ ...topology, dir: undefined, store, seed }, { clock, random, logger: silentLogger });
  return {
    clock,
    random,
    simnet,
    backend: (node, intents = new MemoryIntents()) => simulatedBackend(simnet.node(node), { clock, random, logger: silentLogger, intents }),
  };
}

/** What is missing between all the money there is and what was mined: always 0. */
export function missingMsat({ network }: EmbeddedSimnet): bigint {
  const parts = network.audit();
  return parts.minedMsat - auditedMsat(parts);
}

/** Waits until a condition holds, looking at it again and again for at most five seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
