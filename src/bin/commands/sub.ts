import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { RowFormatName } from '../../client/row-format.ts';
import type { RowOutput } from '../../client/row-output.ts';
import type { SubscriberState } from '../../client/state.ts';
import type { StateDirectory } from '../../client/state-directory.ts';
import type { Msat } from '../../core/lightning/amount.ts';
import type { Pricing } from '../../core/tickerplant/schema.ts';
import { parseCount, parseSat, parseSeconds } from '../amounts.ts';
import { ExitCode } from '../exit-codes.ts';
import { withResources } from '../resources.ts';
import { stopOnSignals } from '../signals.ts';
import type { SubEnd } from '../sub-report.ts';

interface SubOptions {
  readonly wallet?: string;
  readonly ca?: string;
  readonly budget?: Msat;
  readonly maxFee?: Msat;
  readonly state?: string;
  readonly format?: RowFormatName;
  readonly limit?: number;
  readonly giveUp?: number;
  readonly renew?: boolean;
  readonly once?: boolean;
  readonly pricing?: Pricing['kind'];
  readonly snapshot: boolean;
  readonly json?: boolean;
}

const STDOUT = 1;

/** `tickerplant sub`: subscribe, pay, print the rows. */
export function registerSub(program: Command): void {
  program
    .command('sub')
    .description('subscribe to a tickerplant, pay its invoice, and print the rows on standard output')
    .argument('<url>', "the tickerplant's WebSocket, wss://host:port or ws://host:port")
    .argument('<table>', "a table, or '*' for every one")
    .argument('[syms...]', 'symbols; none for all')
    .option(
      '--wallet <config>',
      'pay with the node of this file (`backend:` alone); without it the invoice is shown for somebody else to pay',
    )
    .option(
      '--budget <sat>',
      'all that may ever be spent with this --state: prices, fees, renewals and top-ups; needed with --wallet',
      parseSat,
    )
    .addOption(
      new Option('--pricing <kind>', "how to pay where the seller gives a choice (default: the table's first)").choices([
        'flat',
        'time',
        'tick',
      ]),
    )
    .option('--no-snapshot', 'without the last row of each symbol as it is when a payment takes effect')
    .option(
      '--max-fee <sat>',
      'the most that routing a payment may cost, part of the budget (default: 1 % of the price, at least 10)',
      parseSat,
    )
    .option('--state <dir>', 'remember there what was paid and printed: the same command goes on after a crash')
    .addOption(
      new Option('--format <format>', 'how rows are printed (default: table on a terminal, else ndjson)').choices([
        'table',
        'csv',
        'ndjson',
      ]),
    )
    .option('--ca <file>', 'believe certificates of this file (PEM) instead of those that the machine trusts')
    .option('--limit <rows>', 'end after so many rows', parseCount)
    .option('--give-up <seconds>', 'while nothing is paid, give up a server that is away for so long (default: 60)', parseSeconds)
    .option('--once', 'pay one invoice only: no renewal of what is paid for a time, no top-up of what is prepaid for single rows')
    .option('--renew', 'buy again when what was bought is over, within the budget')
    .option('--json', 'what happens as JSON, one object a line, on standard error')
    .addHelpText(
      'after',
      '\nExit codes: 0 over, limit reached or reader gone · 3 over the budget · 4 server away · 130 Ctrl-C. More: docs/buying.md',
    )
    .action(sub);
}

async function sub(url: string, table: string, syms: readonly string[], options: SubOptions, command: Command): Promise<void> {
  check(url, table, options, command);
  const [
    { openSubscriber },
    { openStateDirectory },
    { memoryState },
    { rowFormat },
    { RowWriter },
    { SubReport },
    { systemClock, systemRandom },
    { msat },
  ] = await Promise.all([
    import('../../client/subscriber.ts'),
    import('../../client/state-directory.ts'),
    import('../../client/state.ts'),
    import('../../client/row-format.ts'),
    import('../../client/row-writer.ts'),
    import('../sub-report.ts'),
    import('../../app/system.ts'),
    import('../../core/lightning/amount.ts'),
  ]);
  const report = new SubReport({
    write: (text) => process.stderr.write(text),
    now: () => systemClock.now(),
    json: options.json === true,
    running: process.stderr.isTTY === true && !isTerminal() && options.json !== true,
    showInvoice: options.wallet === undefined,
  });
  // `2>&1 | head` ends quietly too.
  process.stderr.on('error', () => undefined);
  const stopping = stopOnSignals(() => report.note('stopping; once more to stop at once'));
  const broken = new AbortController();
  await withResources(async (opened) => {
    const state = opened(options.state === undefined ? memoryState() : openStateDirectory({ directory: options.state, outputFd: STDOUT }));
    if (options.state === undefined && options.wallet !== undefined) report.note('no --state: what is paid for is lost if this process is');
    if (isReadable(url)) report.note('ws:// is not encrypted: whoever is on the way can read the token and use it; ask for wss://');
    const wallet = options.wallet === undefined ? undefined : opened(await openWallet(options.wallet));
    const subscriber = opened(
      openSubscriber({
        url,
        ...(options.ca === undefined ? {} : { ca: await readFile(options.ca) }),
        table,
        syms: syms.length === 0 || syms.includes('*') ? '*' : [...new Set(syms)],
        budgetMsat: options.budget ?? msat(0),
        state,
        clock: systemClock,
        random: systemRandom,
        signal: AbortSignal.any([stopping, broken.signal]),
        commit: 'manual',
        renew: options.renew === true,
        once: options.once === true,
        ...(options.snapshot ? {} : { snapshot: false }),
        ...(options.pricing === undefined ? {} : { pricing: options.pricing }),
        ...(wallet === undefined ? {} : { backend: wallet.backend }),
        ...(options.maxFee === undefined ? {} : { maxFeeMsat: options.maxFee }),
        ...(options.giveUp === undefined ? {} : { giveUpMs: options.giveUp }),
      }),
    );
    const format = options.format ?? (isTerminal() ? 'table' : 'ndjson');
    const writer = new RowWriter({
      output: await outputOf(state),
      format: rowFormat(format),
      ...(options.limit === undefined ? {} : { limit: options.limit }),
      onError: () => broken.abort(),
    });
    let end: SubEnd = 'ended';
    try {
      for await (const event of subscriber) {
        report.event(event, await writer.add(event));
        if (writer.full) {
          end = 'limit';
          break;
        }
      }
      await writer.flush();
    } catch (error) {
      if (!isReaderGone(error)) throw error;
      end = 'reader-gone';
    }
    if (stopping.aborted && end !== 'reader-gone') end = 'interrupted';
    report.end(end, subscriber.spentMsat);
    process.exitCode = end === 'interrupted' ? ExitCode.interrupted : ExitCode.ok;
  });
}

function check(url: string, table: string, options: SubOptions, command: Command): void {
  if (!/^wss?:\/\/[^/]/.test(url) || !URL.canParse(url))
    command.error(`error: ${url} is not the address of a WebSocket, such as ws://127.0.0.1:5010`);
  if (options.ca !== undefined && !url.startsWith('wss:')) command.error('error: --ca is for wss://: ws:// is not encrypted');
  if (options.wallet !== undefined && options.budget === undefined)
    command.error('error: --wallet needs --budget <sat>: how much may be spent');
  if (options.renew === true && options.wallet === undefined) command.error('error: --renew needs --wallet');
  if (options.once === true && options.wallet === undefined) command.error('error: --once needs --wallet');
  if (options.once === true && options.renew === true) command.error('error: --once and --renew can not both be meant');
  if (table === '*' && options.format === 'csv')
    command.error('error: csv has one heading, so it needs one table; take ndjson for all of them');
}

/** Whether others than this machine can see what goes there. */
function isReadable(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'ws:' && !/^(?:localhost|127\..*|\[::1\])$/.test(hostname);
}

function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

async function openWallet(file: string): Promise<import('../../app/wallet.ts').Wallet> {
  const [wallet, { silentLogger }] = await Promise.all([import('../../app/wallet.ts'), import('../../core/ports/logger.ts')]);
  return wallet.openWallet({ file, logger: silentLogger });
}

async function outputOf(state: SubscriberState | StateDirectory): Promise<RowOutput> {
  const [{ systemClock }, { plainOutput }] = await Promise.all([import('../../app/system.ts'), import('../../client/row-output.ts')]);
  return 'output' in state ? state.output(STDOUT, systemClock) : plainOutput(STDOUT, systemClock, (moved) => state.commit(moved));
}

function isReaderGone(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPIPE';
}
