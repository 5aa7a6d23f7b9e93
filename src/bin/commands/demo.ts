import { type Command, InvalidArgumentError, Option } from 'commander';
import { ExitCode } from '../exit-codes.ts';
import { jsonOption } from '../options.ts';
import { stopOnSignals } from '../signals.ts';

interface DemoCommandOptions {
  readonly json?: boolean;
  readonly exitAfter?: number;
  readonly replay?: string;
  readonly columns: string;
  readonly seed?: number;
  readonly rate?: number;
  readonly port?: number;
  readonly verbose?: boolean;
}

/** `tickerplant demo`: server, feed, two who pay and one who does not, on a simulated Lightning network; what `npm start` runs. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('see it work: a server, a feed, two buyers who pay and one who does not, on a simulated Lightning network (play money)')
    .addOption(new Option('--exit-after <seconds>', 'end by itself after so many seconds').argParser(positive))
    .option('--replay <file>', 'publish a CSV or NDJSON file (.gz too) instead of random trades, once both buyers have paid; then end')
    .option('--columns <mapping>', "which column of the file is which, such as sym=symbol,time=date,price=price or sym='SEATTLE'", '')
    .addOption(new Option('--rate <rows>', 'random trades per second').argParser(positive).default(50))
    .addOption(new Option('--seed <number>', 'the same seed gives the same trades').argParser(whole))
    .addOption(new Option('--port <number>', 'port of the WebSocket (default: any that is free)').argParser(whole))
    .option('--verbose', 'show the logs too, on standard error')
    .addOption(jsonOption('what happens goes to standard error; one JSON line with the result at the end goes to standard output'))
    .action(demo);
}

async function demo(options: DemoCommandOptions): Promise<void> {
  const [{ runDemo }, { DemoScreen }, { createLogger }] = await Promise.all([
    import('../../app/demo/demo.ts'),
    import('../demo-screen.ts'),
    import('../../app/logging.ts'),
  ]);
  const logger = await createLogger({ level: options.verbose === true ? 'info' : 'error', format: 'auto' });
  const screen = new DemoScreen(options.json === true ? process.stderr : process.stdout);
  const signal = stopOnSignals(() => screen.note('Ending; once more to end at once.'));
  const result = await runDemo({
    logger,
    signal,
    exitAfterSeconds: options.exitAfter,
    replay: options.replay === undefined ? undefined : { file: options.replay, columns: options.columns },
    rowsPerSecond: options.rate,
    seed: options.seed,
    port: options.port,
    onEvent: (event) => screen.show(event),
  });
  screen.result(result);
  if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = result.unpaidDelivered === 0 ? ExitCode.ok : ExitCode.failed;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('it is a number above 0.');
  return value;
}

function whole(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('it is a whole number from 0 on.');
  return value;
}
