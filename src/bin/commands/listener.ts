import type { Command } from 'commander';
import { ExitCode } from '../exit-codes.ts';
import { reportFailure } from '../failures.ts';
import { jsonOption, setOption } from '../options.ts';
import { aborted, endAfter, stopOnSignals } from '../signals.ts';

interface ListenerOptions {
  readonly config: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

const STOPPING_MS = 10_000;

/** `tickerplant listener`: follows the node and hands what is paid to servers and webhooks, until Ctrl-C. */
export function registerListener(program: Command): void {
  program
    .command('listener')
    .description('follow a node apart from the server, with a credential for invoices only; hands what is paid to servers and webhooks')
    .requiredOption('-c, --config <file>', "the listener's config: backend:, servers:, webhooks: (docs/listener.md)")
    .addOption(setOption())
    .addOption(jsonOption('one JSON line on standard output when it is listening: {"listening":"ws://…"}'))
    .addHelpText(
      'after',
      '\nA server follows it by `listener: { url, token }` in its own config.\n`tickerplant config check -c FILE` checks the file, `tickerplant backend doctor -c FILE` the node.',
    )
    .action(listener);
}

async function listener(options: ListenerOptions): Promise<void> {
  const [{ loadListenerConfig }, { runListener }, { createLogger }, { systemdService }, { systemClock }] = await Promise.all([
    import('../../app/config/load.ts'),
    import('../../app/listener.ts'),
    import('../../app/logging.ts'),
    import('../../app/systemd/service.ts'),
    import('../../app/system.ts'),
  ]);
  const config = await loadListenerConfig({ file: options.config, set: options.set });
  const logger = await createLogger(config.log);
  const signal = stopOnSignals((name) => logger.info({ signal: name }, 'stopping; once more to stop at once'));
  const running = await runListener(config, { logger });
  logger.info({ url: running.url }, 'listener: listening');
  if (options.json === true) process.stdout.write(`${JSON.stringify({ listening: running.url })}\n`);
  const systemd = systemdService({ environment: process.env, pid: process.pid, clock: systemClock, logger });
  const status = () => {
    const { node, outbox, servers } = running.status();
    return `node ${node.state}, ${outbox.head} events, ${servers.filter(({ connected }) => connected).length} of ${servers.length} servers connected`;
  };
  void systemd.ready(status, async () => running.status());
  const failure = await Promise.race([aborted(signal), running.failed.catch((error: unknown) => error)]);
  void systemd.stopping();
  const late = endAfter(STOPPING_MS, () => {
    logger.error({}, 'it could not be stopped in order in time; ending at once. Nothing that was written down is lost');
    return ExitCode.failed;
  });
  await running.stop();
  late[Symbol.dispose]();
  logger.info({}, 'stopped');
  process.exit(failure === undefined ? ExitCode.ok : await reportFailure(failure));
}
