import type { Command } from 'commander';
import type { PurchasesAnswers, PurchasesRequest } from '../../app/store/purchases-control.ts';
import { parseCount } from '../amounts.ts';
import { ExitCode } from '../exit-codes.ts';
import { jsonOption } from '../options.ts';

interface PurchasesOptions {
  readonly store: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** `tickerplant purchases`: what a store has sold, and what is to be given back. */
export function registerPurchases(program: Command): void {
  const purchases = program.command('purchases').description('what a store of single items has sold, also while it sells');
  const withStore = (command: Command) => command.option('--store <file>', "the store's database", 'data/store.db').addOption(jsonOption());
  withStore(purchases.command('list', { isDefault: true }))
    .description('purchases, the newest first')
    .option('--limit <count>', 'at most so many', parseCount, 100)
    .action(list);
  withStore(purchases.command('refunds')).description('what is to be given back to buyers').action(refunds);
  withStore(purchases.command('refunded').argument('<id>', 'of the refund'))
    .description('note that it was given back: what could not be delivered is not delivered any more then')
    .action(refunded);
}

async function list({ store, limit, json }: PurchasesOptions): Promise<void> {
  const { path, counts, purchases } = await ask(store, { op: 'purchases', limit });
  if (json === true) return writeJson({ store: path, counts, purchases });
  for (const { id, item, state, amountMsat, delivered, deliveries, createdAt } of purchases)
    process.stdout.write(
      `${new Date(createdAt).toISOString()}  ${id}  ${state.padEnd(7)}  ${amountMsat} msat  ${delivered}/${deliveries}  ${item}\n`,
    );
  process.stdout.write(
    `${counts.settled} sold, ${counts.open} open, ${counts.expired} expired; received ${counts.receivedMsat} msat, ${counts.delivered} deliveries\n`,
  );
}

async function refunds({ store, json }: PurchasesOptions): Promise<void> {
  const { path, refunds: found } = await ask(store, { op: 'refunds' });
  if (json === true) return writeJson({ store: path, refunds: found });
  for (const { id, purchase, item, msat, reason, at } of found)
    process.stdout.write(`${id}  ${new Date(at).toISOString()}  ${reason.padEnd(13)}  ${msat} msat  purchase ${purchase}  ${item}\n`);
  if (found.length === 0) process.stdout.write('nothing is to be given back\n');
}

async function refunded(id: string, { store, json }: PurchasesOptions): Promise<void> {
  const { path, done } = await ask(store, { op: 'refund-done', id });
  if (json === true) writeJson({ store: path, id, done });
  else process.stdout.write(done ? 'noted\n' : 'there is no such open refund\n');
  if (!done) process.exitCode = ExitCode.failed;
}

async function ask<R extends PurchasesRequest>(file: string, request: R): Promise<PurchasesAnswers[R['op']] & { readonly path: string }> {
  const [{ existsSync }, { askPurchases }, { ConfigError }] = await Promise.all([
    import('node:fs'),
    import('../../app/store/purchases-control.ts'),
    import('../../app/config/errors.ts'),
  ]);
  if (!existsSync(file)) throw new ConfigError('--store', [{ path: '', at: undefined, message: `there is no store ${file}` }]);
  return await askPurchases(file, request);
}

function writeJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
