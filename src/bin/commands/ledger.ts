import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { LedgerReport } from '../../storage/ledger/verify/report.ts';
import { configOption, jsonOption } from '../options.ts';
import { withResources } from '../resources.ts';

interface LedgerOptions {
  readonly config?: string;
  readonly json?: boolean;
}

const SHOWN_VIOLATIONS = 50;

/** `tickerplant ledger verify|backup`. */
export function registerLedger(program: Command): void {
  const ledger = program.command('ledger').description('check and back up who was quoted what, who paid, who may have what');
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

async function ledgerPath(file: string | undefined, config: string | undefined): Promise<string> {
  if (file !== undefined) return resolve(file);
  const { storesOf } = await import('../../app/maintenance/stores.ts');
  return (await storesOf(config)).ledger;
}
