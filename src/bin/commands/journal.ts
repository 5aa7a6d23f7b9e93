import { createInterface } from 'node:readline/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ExportFormat } from '../../app/maintenance/export-journal.ts';
import type { StorePlaces } from '../../app/maintenance/stores.ts';
import type { CutPlan } from '../../storage/journal/offline/cut-journal.ts';
import type { RecordSelection } from '../../storage/journal/offline/read-records.ts';
import { parseCount } from '../amounts.ts';
import { ExitCode } from '../exit-codes.ts';
import { configOption, jsonOption } from '../options.ts';
import { Progress } from '../progress.ts';

interface PlaceOptions {
  readonly config?: string;
  readonly dir?: string;
  readonly json?: boolean;
}

interface SelectionOptions extends PlaceOptions {
  readonly table?: string;
  readonly syms?: readonly string[];
  readonly from?: number;
  readonly until?: number;
  readonly fromSeq?: number;
  readonly toSeq?: number;
  readonly epoch?: number | 'all';
  readonly limit?: number;
  readonly format: ExportFormat;
}

/** `tickerplant journal verify|cut|replay|export`. */
export function registerJournal(program: Command): void {
  const journal = program.command('journal').description('check, cut and read the record of every published row');
  place(journal.command('verify'))
    .description('check every byte; changes nothing, and a server may go on meanwhile (exit code 1: it is not clean)')
    .action(verify);
  place(journal.command('cut'))
    .description('cut off what comes from the first damage on, or from a place; says what is lost, and asks; the server must be stopped')
    .option('--at <file:byte>', 'where to cut, such as 00000017-2026-11-20.journal:4096', parsePlace)
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'say what would be lost, and do nothing')
    .action(cut);
  selection(place(journal.command('replay')), ['ndjson', 'csv'])
    .description('print rows as they were published')
    .action(replay);
  selection(place(journal.command('export')), ['csv', 'ndjson', 'parquet'])
    .description('write rows to a file; CSV and Parquet hold one table')
    .option('-o, --output <file>', 'the file to make; left out, standard output')
    .option('--force', 'replace the file if it is there')
    .action(exportTo);
}

function place(command: Command): Command {
  return command
    .option('--dir <folder>', "the journal; left out, the one of the config, whose tables name the rows' columns")
    .addOption(configOption())
    .addOption(jsonOption('one JSON object about what was done: on standard output, or on standard error where rows are there'));
}

function selection(command: Command, formats: readonly ExportFormat[]): Command {
  return command
    .option('-t, --table <name>', 'only rows of this table')
    .option('-s, --syms <list>', 'only these symbols, with commas between them', (text) => text.split(','))
    .option('--from <time>', 'published at or after, such as 2026-11-20T14:30:00Z', parseTime)
    .option('--until <time>', 'published before', parseTime)
    .option('--from-seq <n>', 'from this number on', parseCount)
    .option('--to-seq <n>', 'to this number, included', parseCount)
    .option('--epoch <n|all>', 'of this epoch of numbers; left out, the newest', parseEpoch)
    .option('--limit <n>', 'at most so many rows', parseCount)
    .addOption(new Option('-f, --format <format>', 'how rows are written').choices([...formats]).default(formats[0]));
}

async function verify(options: PlaceOptions): Promise<void> {
  const { verifyJournal } = await import('../../storage/journal/offline/verify-journal.ts');
  const { journal } = await placesOf(options);
  const progress = new Progress('verifying');
  const report = verifyJournal(journal, progress.at);
  progress.end();
  if (options.json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    for (const { file, at, message } of report.faults) process.stdout.write(`${file}, byte ${at}: ${message}\n`);
    for (const note of report.notes) process.stdout.write(`note: ${note}\n`);
    const what = `${report.segments} segments, ${report.rows} rows, ${report.bytes} bytes`;
    process.stdout.write(`${report.dir}: ${report.clean ? 'clean' : `NOT clean: ${report.faults.length} faults`} (${what})\n`);
  }
  if (!report.clean) process.exitCode = ExitCode.failed;
}

async function cut(
  options: PlaceOptions & {
    readonly at?: { readonly file: string; readonly at: number };
    readonly yes?: boolean;
    readonly dryRun?: boolean;
  },
): Promise<void> {
  const [{ planCut, cutJournal }, { isRunning }, { JournalError }] = await Promise.all([
    import('../../storage/journal/offline/cut-journal.ts'),
    import('../../storage/journal/offline/verify-journal.ts'),
    import('../../core/ports/journal.ts'),
  ]);
  const { journal } = await placesOf(options);
  if (options.dryRun !== true && isRunning(journal))
    throw new JournalError('LOCKED', `the journal ${journal} is in use by another process`);
  const plan = planCut(journal, options.at);
  if (plan === undefined) {
    process.stdout.write(options.json === true ? '{"cut":false}\n' : `${journal}: there is nothing to cut\n`);
    return;
  }
  if (options.json !== true) tellPlan(plan);
  const agreed = options.dryRun !== true && (options.yes === true || (await agree()));
  const kept = agreed ? cutJournal(plan, Date.now()) : undefined;
  if (options.json === true) process.stdout.write(`${JSON.stringify({ cut: agreed, kept: kept ?? null, ...plan })}\n`);
  else process.stdout.write(kept === undefined ? 'nothing was changed\n' : `cut; what was there is in ${kept}\n`);
  if (!agreed && options.dryRun !== true) process.exitCode = ExitCode.failed;
}

function tellPlan({ place: { file, at }, files, bytes, lost, epoch }: CutPlan): void {
  process.stdout.write(`${file} is cut at byte ${at}${files.length === 0 ? '' : `, and ${files.join(', ')} with it`}: ${bytes} bytes\n`);
  for (const { table, sym, rows, from, to } of lost)
    process.stdout.write(`lost: ${table} ${sym}: ${rows} rows, ${from} to ${to}, of epoch ${epoch ?? '?'}\n`);
  if (lost.length === 0) process.stdout.write('no row that can be read is lost\n');
}

async function agree(): Promise<boolean> {
  if (process.stdin.isTTY !== true) {
    process.stderr.write('nobody can be asked here: --yes agrees\n');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Cut? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}

async function replay(options: SelectionOptions): Promise<void> {
  await write(options, undefined, false);
}

async function exportTo(options: SelectionOptions & { readonly output?: string; readonly force?: boolean }): Promise<void> {
  await write(options, options.output, options.force === true);
}

async function write(options: SelectionOptions, output: string | undefined, force: boolean): Promise<void> {
  const { exportRows, toFile, toStdout } = await import('../../app/maintenance/export-journal.ts');
  const { journal, tables } = await placesOf(options);
  const progress = new Progress('reading');
  const rows = { dir: journal, tables, selection: selectionOf(options), limit: options.limit, onProgress: progress.at };
  // A reader that goes away, as `head` does, has what it wanted.
  if (output === undefined)
    process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? ExitCode.ok : ExitCode.failed));
  const done =
    output === undefined
      ? await exportRows(rows, options.format, toStdout)
      : await toFile(output, force, (sink) => exportRows(rows, options.format, sink));
  progress.end();
  const stream = output === undefined ? process.stderr : process.stdout;
  if (options.json === true) stream.write(`${JSON.stringify({ journal, format: options.format, output: output ?? null, ...done })}\n`);
  else if (output !== undefined) stream.write(`${output}: ${done.rows} rows, ${done.bytes} bytes\n`);
}

function selectionOf({ table, syms, from, until, fromSeq, toSeq, epoch }: SelectionOptions): RecordSelection {
  return {
    ...(table === undefined ? {} : { table }),
    ...(syms === undefined ? {} : { syms: new Set(syms) }),
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
    ...(fromSeq === undefined ? {} : { fromSeq }),
    ...(toSeq === undefined ? {} : { toSeq }),
    ...(epoch === undefined ? {} : { epoch }),
  };
}

async function placesOf({ config, dir }: PlaceOptions): Promise<Pick<StorePlaces, 'journal' | 'tables'>> {
  const { storesOf } = await import('../../app/maintenance/stores.ts');
  if (dir === undefined) return storesOf(config);
  return { journal: dir, tables: config === undefined ? [] : (await storesOf(config)).tables };
}

function parseTime(text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) || /(?:Z|[+-]\d{2}:?\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('must be a date, or a time with its zone, such as 2026-11-20T14:30:00Z');
  return time;
}

function parseEpoch(text: string): number | 'all' {
  return text === 'all' ? text : parseCount(text);
}

function parsePlace(text: string): { readonly file: string; readonly at: number } {
  const [, file, at] = /^([^/\\]+\.journal):(\d+)$/.exec(text) ?? [];
  if (file === undefined)
    throw new InvalidArgumentError('must be a file of the journal and a byte, such as 00000017-2026-11-20.journal:4096');
  return { file, at: Number(at) };
}
