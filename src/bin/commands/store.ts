import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Msat } from '../../core/lightning/amount.ts';
import { parseCount, parsePrice } from '../amounts.ts';
import { ExitCode } from '../exit-codes.ts';
import { configOption, jsonOption, setOption } from '../options.ts';
import { aborted, endAfter, stopOnSignals } from '../signals.ts';

interface StoreCommandOptions {
  readonly price: Msat;
  readonly config?: string;
  readonly set: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly deliveries: number;
  readonly expiry: string;
  readonly surprise?: boolean;
  readonly surpriseOnly?: boolean;
  readonly rowsBy?: string;
  readonly whenChanged: 'refuse' | 'deliver';
  readonly title?: string;
  readonly publicUrl?: string;
  readonly trustProxy?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tls?: 'generate';
  readonly allow?: readonly string[];
  readonly store: string;
  readonly forcePublic?: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly json?: boolean;
}

const CLOSING_MS = 15_000;

/** `tickerplant store FOLDER`: sells files, until Ctrl-C. */
export function registerStore(program: Command): void {
  program
    .command('store')
    .description('sell the files of a folder (or one file, or the rows of a CSV file) one by one: an invoice and a link per purchase')
    .argument('<folder>', 'folder or file to sell; nothing that begins with a dot, nor what links lead to outside of it')
    .requiredOption('-p, --price <amount>', 'price of each item, in satoshi: 10, or 1500msat', parsePrice)
    .addOption(configOption('file with backend:, of a server or a wallet (default: tickerplant.config.yaml, .json, .ts … in this folder)'))
    .addOption(setOption())
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(new Option('--port <number>', 'port to listen on; 0 takes any that is free').argParser(parsePort).default(8402))
    .addOption(new Option('-n, --deliveries <count>', 'how often each purchase may be delivered').argParser(parseCount).default(3))
    .option('--expiry <duration>', 'how long an invoice can be paid', '1h')
    .option('--surprise', 'sell "surprise me" too: some file of the folder, chosen by the purchase')
    .option('--surprise-only', 'sell nothing but surprises')
    .option('--rows-by <column>', 'the file is CSV with a header: sell its rows one by one, each named by this column')
    .addOption(
      new Option('--when-changed <what>', 'what to do where a file is not what it was when it was bought (a refusal notes a refund)')
        .choices(['refuse', 'deliver'])
        .default('refuse'),
    )
    .option('--title <text>', "stands at the top of every page (default: the folder's name)")
    .option('--public-url <url>', 'where buyers reach the store, for the links that programs are given')
    .option('--trust-proxy', "believe a proxy on this machine about buyers' addresses (X-Forwarded-For)")
    .option('--tls-cert <file>', 'certificate in PEM, with those between it and the root behind it: the store speaks HTTPS')
    .option('--tls-key <file>', 'its key in PEM, without a password')
    .addOption(new Option('--tls <how>', 'generate: make a certificate for development, in data/tls').choices(['generate']))
    .option(
      '--allow <addresses>',
      'who may connect, with commas between: 10.0.0.0/8,loopback; everybody unless given',
      (text: string, earlier: readonly string[] = []) => [...earlier, ...listOf(text)],
    )
    .option('--store <file>', 'database of purchases, made where it is not there', 'data/store.db')
    .option('--force-public', 'let a simulated backend (play money), or a generated certificate, be served beyond this machine')
    .addOption(
      new Option('--log-level <level>', 'logs go to standard error').choices(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    )
    .addOption(jsonOption('one JSON line on standard output when it is listening: {"listening":{"store":"http://…"}}'))
    .addHelpText(
      'after',
      '\nSell your cats:\n  tickerplant store ./cats --price 10 --deliveries 5 --config lnd.yaml\nAll of it: docs/store.md',
    )
    .action(sell);
}

async function sell(folder: string, options: StoreCommandOptions): Promise<void> {
  const [{ itemsOf }, { serveStore }, { certificateOf }, { loadStoreConfig }, { createLogger }] = await Promise.all([
    import('../../app/store/items-of.ts'),
    import('../../app/store/serve-store.ts'),
    import('../../app/store/certificate-of.ts'),
    import('../../app/config/load.ts'),
    import('../../app/logging.ts'),
  ]);
  const {
    price,
    store: path,
    rowsBy,
    whenChanged,
    surprise,
    surpriseOnly,
    logLevel,
    json,
    config,
    set,
    tlsCert: _,
    tlsKey: __,
    ...rest
  } = options;
  const { file, backend, limits } = await loadStoreConfig({ file: config, set });
  const tls = certificateOf(options);
  const items = await itemsOf(folder, {
    price,
    rowsBy,
    whenChanged,
    surprise: surpriseOnly === true ? 'only' : surprise === true,
    private: [path, file, ...(tls === undefined ? [] : [tls.key ?? join(tls.dir, 'key.pem')])],
  });
  const logger = await createLogger({ level: logLevel, format: 'auto' });
  const signal = stopOnSignals((name) => logger.info({ signal: name }, 'stopping; once more to stop at once'));
  const served = await serveStore({ ...rest, tls, title: rest.title ?? items.title, path, backend, limits, items: items.sources, logger });
  if (json === true) process.stdout.write(`${JSON.stringify({ listening: { store: served.url } })}\n`);
  else process.stdout.write(`selling ${folder} at ${served.url}/\n`);
  await aborted(signal);
  const late = endAfter(CLOSING_MS, () => {
    logger.error({}, 'it could not be stopped in order in time; ending at once. Nothing that was answered is lost');
    return ExitCode.failed;
  });
  await served.stop();
  late[Symbol.dispose]();
  process.exit(ExitCode.ok);
}

function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('must be a port, 0 to 65535');
  return port;
}
