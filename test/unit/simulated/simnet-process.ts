import { startSimnet } from '../../../src/adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../../../src/adapters/simulated/simnet-config.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';

/** A simulated network as a process of its own, to be killed: its config is the first argument, as JSON. */
const config = simnetConfigSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
await startSimnet(config, { clock: systemClock, random: systemRandom, logger: silentLogger });
process.stdout.write('ready\n');
