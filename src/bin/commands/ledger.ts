import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { LedgerReport } from '../../storage/ledger/verify/report.ts';
import { configOption, jsonOption } from '../options.ts';
import { withResources } from '../resources.ts';

interface LedgerOptions {
  readonly config?: string;
  readonly json?: boolean;
}

interface RefundOptions extends LedgerOptions {
  readonly ledger?: string;
}

const SHOWN_VIOLATIONS = 50;

/** `tickerplant ledger verify|backup|refunds`. */
export function registerLedger(program: Command): void {
  const ledger = program
    .command('ledger')
    .description('who was quoted what, who paid, who may have what: check it, back it up, see what is to be given back');
  ledger
    .command('verify')
    .description('check every byte and that what it says of money holds together; changes nothing (exit code 1: it is not clean)')
    .argument('[file]', 'the ledger or a backup of it; left out, the ledger of the config')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(verify);
  ledger
    .command('backup')
    .description('copy the ledger, while the server runs too; the copy is complete when it has its name')
    .argument('<target>', 'the file to make, readable for its owner only: it holds secrets')
    .option('--force', 'replace the target if it is there')
    .option('--ledger <file>', 'the ledger to copy; left out, the one of the config')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(backup);
  const refunds = ledger
    .command('refunds')
    .description('what is to be given back to buyers: payments that bought nothing, where the config says refund')
    .option('--ledger <file>', 'the ledger; left out, the one of the config')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(listRefunds);
  refunds
    .command('done')
    .description('note that one was given back (exit code 1: there is no such open note)')
    .argument('<id>', 'the number that the list shows')
    .action((id: string, _: unknown, command: Command) => refundDone(id, command.optsWithGlobals()));
}

async function verify(file: string | undefined, { config, json }: LedgerOptions): Promise<void> {
  const { verify: verifyLedger } = await import('../../app/maintenance/ledger.ts');
  const path = await ledgerPath(file, config);
  const { report, online } = await withResources(() => verifyLedger(path));
  if (json === true) process.stdout.write(`${JSON.stringify({ ...report, online })}\n`);
  else tell(report, online);
  if (!report.clean) process.exitCode = 1;
}

function tell({ path, clean, violations, notes, pages, rows }: LedgerReport, online: boolean): void {
  for (const { check, of, message } of violations.slice(0, SHOWN_VIOLATIONS)) process.stdout.write(`${check}: ${of}: ${message}\n`);
  if (violations.length > SHOWN_VIOLATIONS) process.stdout.write(`and ${violations.length - SHOWN_VIOLATIONS} more\n`);
  for (const note of notes) process.stdout.write(`note: ${note}\n`);
  const what = `${pages} pages, ${rows['quotes'] ?? 0} quotes, ${rows['settlements'] ?? 0} settlements, ${rows['grants'] ?? 0} grants`;
  const of = online ? ' (a backup that the running server made)' : '';
  process.stdout.write(clean ? `${path}${of}: clean (${what})\n` : `${path}${of}: NOT clean: ${violations.length} faults (${what})\n`);
}

async function backup(
  target: string,
  { ledger, config, json, force }: LedgerOptions & { readonly ledger?: string; readonly force?: boolean },
): Promise<void> {
  const { backUp } = await import('../../app/maintenance/ledger.ts');
  const path = await ledgerPath(ledger, config);
  const done = await withResources(() => backUp(path, target, force === true));
  if (json === true) process.stdout.write(`${JSON.stringify({ ledger: path, ...done })}\n`);
  else process.stdout.write(`${path} → ${done.path}: ${done.bytes} bytes${done.online ? ', by the running server' : ''}\n`);
}

async function listRefunds({ ledger, config, json }: RefundOptions): Promise<void> {
  const { listRefunds: list } = await import('../../app/maintenance/refunds.ts');
  const path = await ledgerPath(ledger, config);
  const { refunds, online } = await withResources(() => list(path));
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ ledger: path, refunds, online })}\n`);
    return;
  }
  for (const { id, msat, reason, at, subscription, quote, paymentHash } of refunds) {
    const of = `subscription ${subscription}, quote ${quote}, payment ${paymentHash}`;
    process.stdout.write(`${id}: ${msat} msat, ${reason}, ${new Date(at).toISOString()}, ${of}\n`);
  }
  if (refunds.length === 0) process.stdout.write('nothing is to be given back\n');
}

async function refundDone(id: string, { ledger, config, json }: RefundOptions): Promise<void> {
  const { markRefundDone } = await import('../../app/maintenance/refunds.ts');
  const path = await ledgerPath(ledger, config);
  const { done, online } = await withResources(() => markRefundDone(path, id));
  if (json === true) process.stdout.write(`${JSON.stringify({ ledger: path, id, done, online })}\n`);
  else if (done) process.stdout.write(`refund ${id} is done\n`);
  else process.stderr.write(`tickerplant: there is no refund ${id} to be given, or it was done before\n`);
  if (!done) process.exitCode = 1;
}

async function ledgerPath(file: string | undefined, config: string | undefined): Promise<string> {
  if (file !== undefined) return resolve(file);
  const { storesOf } = await import('../../app/maintenance/stores.ts');
  return (await storesOf(config)).ledger;
}
