import type { Command } from 'commander';
import { configOption, jsonOption, setOption } from '../options.ts';

interface ConfigOptions {
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

/** `tickerplant config check|print`. */
export function registerConfig(program: Command): void {
  const config = program.command('config').description('look at a config without starting anything');
  config
    .command('check')
    .description("check a server's config, or a listener's; says everything that is wrong with it (exit code 2)")
    .addOption(configOption())
    .addOption(setOption())
    .addOption(jsonOption())
    .action(check);
  config
    .command('print')
    .description('print the config that is in effect, secrets masked')
    .addOption(configOption())
    .addOption(setOption())
    .addOption(jsonOption())
    .action(print);
}

async function check({ config: file, set, json }: ConfigOptions): Promise<void> {
  const [{ isListenerFile, loadConfig }, { ConfigError }, { checkFeed }, { exposuresOf, openFiles }] = await Promise.all([
    import('../../app/config/load.ts'),
    import('../../app/config/errors.ts'),
    import('../../app/check-feed.ts'),
    import('../../app/exposure.ts'),
  ]);
  try {
    if (file !== undefined && (await isListenerFile(file))) return await checkListener(file, set, json === true);
    const config = await loadConfig({ file, set });
    checkFeed(config);
    const tables = config.tables.map((table) => table.name);
    const warnings = [...exposuresOf(config), ...(await openFiles(config))];
    const listener = config.listener === undefined ? {} : { listener: config.listener.url };
    const sold = config.devices === undefined ? undefined : [...config.devices.items.keys()];
    const answer = {
      ok: true,
      file: config.source,
      backend: config.backend.kind,
      tables,
      feed: config.feed?.kind ?? null,
      ...listener,
      ...(sold !== undefined && { devices: sold }),
      warnings,
    };
    const source = config.listener === undefined ? '' : `, settlements from the listener at ${config.listener.url}`;
    const sells = sold === undefined ? '' : `, devices sell ${sold.join(', ') || 'nothing'}`;
    process.stdout.write(
      json === true
        ? `${JSON.stringify(answer)}\n`
        : `${config.source}: good (backend ${answer.backend}, tables ${tables.join(', ')}${source}${sells})\n`,
    );
    for (const { path, message, advice } of json === true ? [] : warnings)
      process.stdout.write(`warning: ${path}: ${message}\n  ${advice}\n`);
  } catch (error) {
    if (json !== true || !(error instanceof ConfigError)) throw error;
    process.stdout.write(`${JSON.stringify({ ok: false, file: error.source, issues: error.issues })}\n`);
    process.exitCode = 2;
  }
}

/** What there is to say of a listener's file; its tokens and secrets are read, too. */
async function checkListener(file: string, set: readonly string[], json: boolean): Promise<void> {
  const [{ loadListenerConfig }, { checkSecrets }, { ConfigError }, { ListenerError }] = await Promise.all([
    import('../../app/config/load.ts'),
    import('../../listener/listener.ts'),
    import('../../app/config/errors.ts'),
    import('../../listener/errors.ts'),
  ]);
  const config = await loadListenerConfig({ file, set });
  await checkSecrets(config).catch((error: unknown) => {
    if (!(error instanceof ListenerError)) throw error;
    const [, path = '', message = error.message] = /^([\w.-]+): (.*)$/s.exec(error.message) ?? [];
    throw new ConfigError(config.source, [{ path, at: undefined, message }]);
  });
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
  const servers = names(config.servers);
  const webhooks = names(config.webhooks);
  const answer = { ok: true, file: config.source, backend: config.backend.kind, servers, webhooks };
  const people = `servers ${servers.join(', ') || 'none'}, webhooks ${webhooks.join(', ') || 'none'}`;
  process.stdout.write(
    json ? `${JSON.stringify(answer)}\n` : `${config.source}: good (a listener; backend ${answer.backend}, ${people})\n`,
  );
}

async function print({ config: file, set, json }: ConfigOptions): Promise<void> {
  const [{ loadConfig }, { printableConfig }, { stringify }] = await Promise.all([
    import('../../app/config/load.ts'),
    import('../../app/config/print.ts'),
    import('yaml'),
  ]);
  const printable = printableConfig(await loadConfig({ file, set }));
  process.stdout.write(json === true ? `${JSON.stringify(printable)}\n` : stringify(printable));
}
