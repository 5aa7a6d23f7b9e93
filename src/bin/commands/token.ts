import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { LedgerError } from '../../core/ports/ledger.ts';
import type { SubscriptionName } from '../../core/ports/ledger-upkeep.ts';
import { configOption, jsonOption } from '../options.ts';
import { withResources } from '../resources.ts';

interface RevokeOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly ledger?: string;
  readonly tokenFile?: string;
}

/** `tickerplant token revoke`. */
export function registerToken(program: Command): void {
  const token = program.command('token').description("the seller's hold on buyers' tokens");
  token
    .command('revoke')
    .description('end a subscription’s token for good, while the server runs too: it is refused, and what is live with it ends')
    .argument('[subscription]', 'the subscription, as the log and the ledger name it')
    .option('--token-file <file>', 'the token itself, in a file; - is standard input')
    .option('--ledger <file>', 'the ledger; left out, the one of the config')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(revoke);
}

async function revoke(
  subscription: string | undefined,
  { config, json, ledger, tokenFile }: RevokeOptions,
  command: Command,
): Promise<void> {
  const { nameOfToken, revoke: revokeToken } = await import('../../app/maintenance/revoke.ts');
  if ((subscription === undefined) === (tokenFile === undefined))
    command.error('error: name the subscription, or give its token with --token-file');
  const name: SubscriptionName =
    subscription === undefined ? nameOfToken(readFileSync(tokenFile === '-' ? 0 : (tokenFile ?? ''), 'utf8')) : { subscription };
  const path = ledger === undefined ? await ledgerOf(config) : resolve(ledger);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new LedgerError('IO', `there is no ledger ${path}`);
  const done = await withResources(() => revokeToken(path, name));
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ ledger: path, ...done })}\n`);
    return;
  }
  const when = done.fresh ? 'revoked' : `revoked before, at ${new Date(done.revokedAt).toISOString()}`;
  const quotes = done.withdrawn.length === 0 ? '' : `; ${done.withdrawn.length} open quotes withdrawn`;
  process.stdout.write(`${done.subscription}: ${when}${quotes}${done.online ? ', by the running server' : ''}\n`);
}

async function ledgerOf(config: string | undefined): Promise<string> {
  const { storesOf } = await import('../../app/maintenance/stores.ts');
  return (await storesOf(config)).ledger;
}
