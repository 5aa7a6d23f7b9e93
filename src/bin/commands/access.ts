import { type Command, Option } from 'commander';
import type { AccessConfig, AccessTokenConfig } from '../../app/config/access.ts';
import type { OperatorRole } from '../../transport/shared/access/operators.ts';
import { ExitCode } from '../exit-codes.ts';
import { configOption, jsonOption } from '../options.ts';

interface TokenOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly role: OperatorRole;
  readonly name?: string;
  readonly tables?: readonly string[];
  readonly from?: readonly string[];
  readonly expires?: string;
  readonly print?: boolean;
}

interface ListOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** `tickerplant access token|list|revoke`. */
export function registerAccess(program: Command): void {
  const access = program.command('access').description('tokens of operators: who may publish, read metrics, look after the server');
  access
    .command('token')
    .description('make a token; it is printed once, on standard output, and only its hash is kept')
    .addOption(
      new Option('--role <role>', 'publisher: publish rows · metrics: read metrics · admin: that, status, revoking')
        .choices(['publisher', 'admin', 'metrics'])
        .makeOptionMandatory(),
    )
    .option('--name <name>', 'for logs, and to revoke it by; the role unless given')
    .option('--tables <tables>', 'tables that a publisher may publish, with commas between; all unless given', list)
    .option('--from <addresses>', 'where it may be used from, with commas between: 10.0.0.0/8,loopback', list)
    .option('--expires <when>', 'when it runs out: 90d, or a date')
    .option('--print', 'add it to no file: print the line for access.tokens of a config instead')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nIt is added to the file of tokens (access.tokensFile); a running server takes it within two seconds. More: docs/security.md',
    )
    .action(token);
  access
    .command('list')
    .description('the tokens there are, of the config and of the file of tokens')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(listTokens);
  access
    .command('revoke')
    .description('take a token out of the file of tokens; a running server refuses it within two seconds')
    .argument('<name>', 'its name')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(revoke);
}

async function token(options: TokenOptions, command: Command): Promise<void> {
  const [{ addToken, makeToken }, { parseDuration }] = await Promise.all([
    import('../../app/access/manage-tokens.ts'),
    import('../../app/config/duration.ts'),
  ]);
  const { role, name, tables, from } = options;
  const lasts = options.expires === undefined ? undefined : parseDuration(options.expires);
  const expires = lasts === undefined ? options.expires : new Date(Date.now() + lasts).toISOString();
  const request = { role, name, tables, from, expires };
  const file = options.print === true ? undefined : await tokensFileOf(options.config, command);
  const { token: made, entry } = file === undefined ? makeToken(request, []) : await addToken(file, request);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ token: made, entry, file: file ?? null })}\n`);
    return;
  }
  process.stdout.write(`${made}\n`);
  const kept =
    file === undefined ? `for access.tokens of a config:\n  - ${JSON.stringify(entry)}` : `${entry.name} (${role}) is in ${file}`;
  process.stderr.write(`${kept}\nThe token is above, and nowhere else: it can't be shown again.\n`);
}

async function listTokens({ config, json }: ListOptions): Promise<void> {
  const { readTokenFile } = await import('../../app/access/token-file.ts');
  const access = await accessOf(config);
  const kept = access.tokensFile === false ? [] : await readTokenFile(access.tokensFile);
  const all = [...access.tokens.map((each) => shown(each, 'config')), ...kept.map((each) => shown(each, 'file'))];
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ tokens: all, file: access.tokensFile === false ? null : access.tokensFile })}\n`);
    return;
  }
  if (all.length === 0)
    process.stdout.write('no tokens: nobody publishes over HTTP or WebSocket, and nobody looks after the server over HTTP\n');
  for (const { name, role, tables, from, expires, kept: where } of all) {
    const limits = [tables && `tables ${tables.join(', ')}`, from && `from ${from.join(', ')}`, expires && `until ${expires}`].filter(
      Boolean,
    );
    const line = `${name.padEnd(20)} ${role.padEnd(10)} ${where.padEnd(7)} ${limits.join('; ')}`;
    process.stdout.write(`${line.trimEnd()}
`);
  }
}

async function revoke(name: string, { config, json }: ListOptions, command: Command): Promise<void> {
  const { removeToken } = await import('../../app/access/manage-tokens.ts');
  const file = await tokensFileOf(config, command);
  const removed = await removeToken(file, name);
  const inConfig = !removed && (await accessOf(config)).tokens.some((each) => each.name === name);
  if (json === true) process.stdout.write(`${JSON.stringify({ name, removed, file })}\n`);
  else if (removed) process.stdout.write(`${name}: revoked\n`);
  if (removed) return;
  const why = inConfig ? 'stands in the config itself: take it out there, and start the server again' : `is not in ${file}`;
  process.stderr.write(`tickerplant: ${name} ${why}\n`);
  process.exitCode = ExitCode.failed;
}

function shown({ name, role, tables, from, expires }: AccessTokenConfig, kept: 'config' | 'file') {
  return { name, role, tables, from, expires, kept };
}

async function accessOf(config: string | undefined): Promise<AccessConfig> {
  const { loadConfig } = await import('../../app/config/load.ts');
  return (await loadConfig({ file: config, forcePublic: true })).access;
}

async function tokensFileOf(config: string | undefined, command: Command): Promise<string> {
  const { tokensFile } = await accessOf(config);
  return tokensFile === false
    ? command.error('error: access.tokensFile is false, so there is no file to keep tokens in; see --print')
    : tokensFile;
}

function list(text: string): readonly string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
