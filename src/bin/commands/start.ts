import type { Command } from 'commander';
import { ExitCode } from '../exit-codes.ts';
import { configOption, jsonOption, setOption } from '../options.ts';
import { aborted, endAfter, stopOnSignals } from '../signals.ts';

interface StartOptions {
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
  readonly forcePublic?: boolean;
}

/** Closing the node's connection and the stores may take so long after the buyers' deadline. */
const CLOSING_MS = 10_000;

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
  const [{ loadConfig }, { startServer }, { createLogger }, { systemdService }, { systemClock }, { exposuresOf, openFiles }] =
    await Promise.all([
      import('../../app/config/load.ts'),
      import('../../app/server.ts'),
      import('../../app/logging.ts'),
      import('../../app/systemd/service.ts'),
      import('../../app/system.ts'),
      import('../../app/exposure.ts'),
    ]);
  const config = await loadConfig({ file: options.config, set: options.set, forcePublic: options.forcePublic === true });
  const logger = await createLogger(config.log);
  for (const { path, message, advice } of [...exposuresOf(config), ...(await openFiles(config))]) logger.warn({ path, advice }, message);
  const signal = stopOnSignals((name) => logger.info({ signal: name }, 'stopping; once more to stop at once'));
  const server = await startServer(config, { logger });
  const systemd = systemdService({ environment: process.env, pid: process.pid, clock: systemClock, logger });
  if (options.json === true) process.stdout.write(`${JSON.stringify({ listening: server.urls })}\n`);
  const urls = Object.values(server.urls);
  if (urls.length === 0) logger.warn({}, 'no transport is configured: nobody can buy (transports.websocket)');
  const status = () => {
    const { published, sessions, settled } = server.tickerplant.counters;
    return `listening on ${urls.join(', ') || 'nothing'}; ${sessions} sessions, ${published} rows published, ${settled} quotes settled`;
  };
  void systemd.ready(status, () => server.store.ledger.highestEpoch());
  await aborted(signal);
  void systemd.stopping();
  const late = endAfter(config.stopDeadlineMs + CLOSING_MS, () => {
    logger.error({}, 'it could not be stopped in order in time; ending at once. Nothing that was answered is lost');
    return ExitCode.failed;
  });
  await server.stop();
  late[Symbol.dispose]();
  logger.info({ ...server.tickerplant.counters }, 'stopped');
  process.exit(ExitCode.ok);
}
