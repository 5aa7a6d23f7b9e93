import type { Command } from 'commander';
import { configOption, jsonOption, setOption } from '../options.ts';
import { aborted, stopOnSignals } from '../signals.ts';

interface SimnetOptions {
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

/** `tickerplant simnet`: a simulated Lightning network that others attach to, until Ctrl-C. */
export function registerSimnet(program: Command): void {
  program
    .command('simnet')
    .description('run a simulated Lightning network (play money) for servers and buyers with backend.kind simulated and its socket')
    .addOption(configOption('file with simnet: at its top (default: four nodes, in data/)'))
    .addOption(setOption())
    .addOption(jsonOption('one JSON line on standard output when it is up: {"socket":"…","nodes":[…]}'))
    .action(simnet);
}

async function simnet(options: SimnetOptions): Promise<void> {
  const [{ loadSimnetConfig }, { startSimnet }, { createLogger }, { systemClock, systemRandom }] = await Promise.all([
    import('../../app/config/simnet.ts'),
    import('../../adapters/simulated/simnet.ts'),
    import('../../app/logging.ts'),
    import('../../app/system.ts'),
  ]);
  const config = await loadSimnetConfig(options.config, options.set);
  const logger = await createLogger({ level: 'info', format: 'auto' });
  const signal = stopOnSignals((name) => logger.info({ signal: name }, 'stopping'));
  const network = await startSimnet(config, { clock: systemClock, random: systemRandom, logger });
  if (options.json === true) process.stdout.write(`${JSON.stringify({ socket: network.socket, nodes: config.nodes })}\n`);
  await aborted(signal);
  await network[Symbol.asyncDispose]();
  process.exit(0);
}
