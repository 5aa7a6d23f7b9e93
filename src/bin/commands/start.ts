import type { Command } from 'commander';
import { configOption, jsonOption, setOption } from '../options.ts';
import { aborted, stopOnSignals } from '../signals.ts';

interface StartOptions {
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
  readonly forcePublic?: boolean;
}

/** `tickerplant start`: the server, until Ctrl-C. */
export function registerStart(program: Command): void {
  program
    .command('start')
    .description('start the server that a config describes; Ctrl-C ends it in order, a second one at once')
    .addOption(configOption())
    .addOption(setOption())
    .addOption(jsonOption('one JSON line on standard output when it is listening: {"listening":{"websocket":"ws://…"}}'))
    .option('--force-public', 'let a simulated backend (play money) be served beyond this machine')
    .action(start);
}

async function start(options: StartOptions): Promise<void> {
  const [{ loadConfig }, { startServer }, { createLogger }] = await Promise.all([
    import('../../app/config/load.ts'),
    import('../../app/server.ts'),
    import('../../app/logging.ts'),
  ]);
  const config = await loadConfig({ file: options.config, set: options.set, forcePublic: options.forcePublic === true });
  const logger = await createLogger(config.log);
  const signal = stopOnSignals((name) => logger.info({ signal: name }, 'stopping; once more to stop at once'));
  const server = await startServer(config, { logger });
  if (options.json === true) process.stdout.write(`${JSON.stringify({ listening: server.urls })}\n`);
  if (Object.keys(server.urls).length === 0) logger.warn({}, 'no transport is configured: nobody can buy (transports.websocket)');
  await aborted(signal);
  await server.stop();
  logger.info({ ...server.tickerplant.counters }, 'stopped');
  process.exit(0);
}
