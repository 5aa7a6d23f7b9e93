import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../../src/app/config/errors.ts';
import { parseConfig, parseWalletConfig } from '../../../src/app/config/parse.ts';
import { readConfigFile } from '../../../src/app/config/source.ts';
import { systemClock } from '../../../src/app/system.ts';
import { SubscriberError } from '../../../src/client/errors.ts';
import { openStateDirectory } from '../../../src/client/state-directory.ts';
import { JournalError } from '../../../src/core/ports/journal.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { schemaOf } from '../../../src/core/tickerplant/values.ts';
import { csvRecords } from '../../../src/feed/csv-records.ts';
import { FeedError } from '../../../src/feed/errors.ts';
import { ndjsonRecords } from '../../../src/feed/ndjson-records.ts';
import type { RecordBatch } from '../../../src/feed/records.ts';
import { RowMapper } from '../../../src/feed/row-mapper.ts';
import { openJournal } from '../../../src/storage/journal/open-journal.ts';
import { formatSegmentHeader } from '../../../src/storage/journal/segment-header.ts';
import { type FuzzParser, of } from '../parser.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
let scratch: string | undefined;

/** A folder of this process's own, in memory where there is one. */
function folder(): string {
  if (scratch === undefined) {
    scratch = mkdtempSync(join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'ltp-fuzz-'));
    const made = scratch;
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  return scratch;
}

/** Writes an input where a parser will look for it. */
function put(path: string, bytes: Uint8Array): string {
  const file = join(folder(), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}

async function readConfig(input: Buffer): Promise<void> {
  const source = await readConfigFile(put('tickerplant.config.yaml', input));
  const options = { environment: { PORT: '5010', NAME: 'x' } };
  const failures: unknown[] = [];
  for (const parse of [parseConfig, parseWalletConfig]) {
    await parse(source, options).then(
      (config) => JSON.stringify(config, (_key, value) => (typeof value === 'bigint' ? String(value) : value)),
      (error: unknown) => failures.push(error),
    );
  }
  const foreign = failures.find((error) => !(error instanceof ConfigError));
  if (foreign !== undefined) throw foreign;
}

const TABLE = {
  ...schemaOf('trade', { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' }),
  symbols: undefined,
  pricing: { kind: 'flat' as const, msat: 100_000n, lastsMs: 86_400_000, replayMs: 86_400_000 },
};

async function* pieces(input: Buffer): AsyncGenerator<Buffer, void, undefined> {
  const cut = input.length === 0 ? 0 : (input[0] ?? 0) % input.length;
  yield input.subarray(0, cut);
  yield input.subarray(cut);
}

async function readRecords(batches: AsyncIterable<RecordBatch>): Promise<void> {
  const options = { source: 'fuzz', table: TABLE, mapping: new Map(), extraColumns: 'ignore', timeFormat: 'auto', now: () => 0 } as const;
  let mapper: RowMapper | undefined;
  for await (const { header, records } of batches) {
    if (records.length > 0) mapper ??= new RowMapper(options, header);
    for (const record of records) {
      mapper?.symbol(record);
      try {
        mapper?.row(record);
      } catch (error) {
        // One bad row does not end a file.
        if (!(error instanceof FeedError && error.code === 'BAD_ROW')) throw error;
      }
    }
  }
}

const JOURNAL = { clock: systemClock, logger: silentLogger, fsync: 'never', bootId: 'boot one' } as const;
const TRADE = {
  table: 'trade',
  after: new Map([
    ['AAPL', 0],
    ['', 0],
  ]),
};

/** A segment of a few records, as the journal itself has written it. */
async function goodSegment(): Promise<Buffer> {
  const dir = join(folder(), 'good');
  const journal = await openJournal({ ...JOURNAL, dir });
  for (const [seq, sym] of [
    [1, 'AAPL'],
    [2, 'AAPL'],
    [1, 'GOOG'],
  ] as const) {
    const json = Buffer.from(JSON.stringify([['2026-11-20T14:30:00.123Z', sym, 39.81, 100]]));
    journal.append([new PublishedRows('trade', sym, journal.epoch, seq, 1, json)]);
  }
  await journal[Symbol.asyncDispose]();
  const file = segmentFile(dir);
  return readFileSync(file);
}

function segmentFile(dir: string): string {
  return join(dir, readdirSync(dir).find((name) => name.endsWith('.journal')) ?? '');
}

async function readJournal(input: Buffer): Promise<void> {
  const dir = join(folder(), 'journal');
  rmSync(dir, { recursive: true, force: true });
  put('journal/00000001-2026-11-20.journal', input);
  const journal = await openJournal({ ...JOURNAL, dir });
  try {
    let position = journal.seek(TRADE);
    for (let left = journal.bytesTo(position); left > 0; ) {
      const chunk = await journal.read(TRADE, position, 4096);
      for (const record of chunk.records) void record.json.length;
      position = chunk.next;
      const now = journal.bytesTo(position);
      if (now >= left) throw new Error('reading the journal does not get on');
      left = now;
    }
  } finally {
    await journal[Symbol.asyncDispose]();
  }
}

let goodState: { readonly account: Buffer; readonly positions: Buffer } | undefined;

function stateFiles(): { readonly account: Buffer; readonly positions: Buffer } {
  if (goodState !== undefined) return goodState;
  const directory = join(folder(), 'good-state');
  const state = openStateDirectory({ directory });
  state.commit([{ table: 'trade', epoch: 1, sym: 'AAPL', seq: 17 }]);
  void state[Symbol.asyncDispose]();
  const account = {
    version: 1,
    request: { url: 'ws://127.0.0.1:5010', table: 'trade', syms: ['AAPL'] },
    spentMsat: '100000',
    purchase: { key: 'k'.repeat(64), stage: 'keyed', reservedMsat: '0', paidMsat: '0' },
    past: [],
  };
  // The two slots, without the room between them: they are put in their places again for each run.
  const positions = readFileSync(join(directory, 'positions')).subarray(4096, 4096 + 200);
  goodState = { account: Buffer.from(JSON.stringify(account)), positions: Buffer.from(positions) };
  return goodState;
}

const REQUEST = { url: 'ws://127.0.0.1:5010', table: 'trade', syms: ['AAPL'] };

async function readAccountFile(input: Buffer): Promise<void> {
  put('state/subscription.json', input);
  const state = openStateDirectory({ directory: join(folder(), 'state') });
  try {
    state.account(REQUEST);
  } finally {
    await state[Symbol.asyncDispose]();
  }
}

async function readPositions(input: Buffer): Promise<void> {
  const whole = readFileSync(join(folder(), 'good-state/positions'));
  const header = Buffer.from(whole.subarray(0, 12));
  const file = Buffer.alloc(Math.min(whole.length, 4096 + 2 * header.readUInt32LE(8)));
  header.copy(file);
  input.copy(file, 4096, 0, Math.min(input.length, 4096));
  put('positions/positions', file);
  const state = openStateDirectory({ directory: join(folder(), 'positions') });
  try {
    state.positions();
  } finally {
    await state[Symbol.asyncDispose]();
  }
}

const segment = await goodSegment();

/** What stands in files. */
export const FILE_PARSERS: readonly FuzzParser[] = [
  {
    name: 'config',
    kind: 'text',
    seeds: () => [
      text('tickerplant.config.example.yaml'),
      text('examples/three-processes/server.yaml'),
      text('examples/three-processes/buyer.yaml'),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the config's.
      'backend: { kind: simulated, socket: s.sock, node: a }\ntransports:\n  websocket: { port: ${PORT} }\n',
    ],
    tokens: [
      'backend:',
      'kind:',
      'simulated',
      'lnd',
      'tables:',
      'pricing:',
      'flat',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the config's.
      '${PORT}',
      '${',
      '&a',
      '*a',
      '<<: *a',
      '!!binary',
      '|',
      '>-',
      '- ',
      '? ',
      '{',
      '}',
      '24h',
      '1e9',
    ],
    read: readConfig,
    declared: of(ConfigError),
    share: 0.05,
  },
  {
    name: 'csv',
    kind: 'text',
    seeds: () => [
      text('test/fixtures/feed/prices.csv').slice(0, 600),
      text('test/fixtures/feed/bad-rows.csv').slice(0, 600),
      'time,sym,price\n2026-11-20,AAPL,"1,5"\n',
    ],
    tokens: ['time', 'sym', 'price', 'size', ',', '"', '""', '\n', '\r\n', '2026-11-20T14:30:00Z', 'AAPL'],
    read: (input) => readRecords(csvRecords(pieces(input), 'fuzz', { delimiter: ',', lenientQuotes: (input.length & 1) === 1 })),
    declared: of(FeedError),
    share: 0.2,
  },
  {
    name: 'ndjson',
    kind: 'text',
    seeds: () => [
      text('test/fixtures/feed/trades.ndjson').slice(0, 600),
      '{"time":"2026-11-20T14:30:00Z","sym":"AAPL","price":1,"size":9007199254740993}\n',
    ],
    tokens: ['{"sym":"A"}', '"time"', '"sym"', '"__proto__"', ':', ',', '\n', '9007199254740993', 'null'],
    read: (input) => readRecords(ndjsonRecords(pieces(input))),
    declared: of(FeedError),
  },
  {
    name: 'journal-segment',
    kind: 'bytes',
    seeds: () => [segment, formatSegmentHeader({ epoch: 1, createdAt: 0, bootId: 'boot one' })],
    tokens: ['\u0000\u0000\u0000\u0000', 'LTPJRNL\n', 'trade', 'AAPL'],
    read: readJournal,
    declared: of(JournalError),
    share: 0.05,
  },
  {
    name: 'subscriber-account',
    kind: 'json',
    seeds: () => [stateFiles().account],
    read: readAccountFile,
    declared: of(SubscriberError),
    share: 0.1,
  },
  {
    name: 'subscriber-positions',
    kind: 'bytes',
    seeds: () => [stateFiles().positions],
    tokens: ['\u0000\u0000\u0000\u0000', '{"number":1', '"positions"'],
    read: readPositions,
    declared: of(SubscriberError),
    share: 0.05,
  },
];
