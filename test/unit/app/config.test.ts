// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a config's own placeholders

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import type { AdapterDefinition } from '../../../src/adapters/shared/definition.ts';
import { parseDuration } from '../../../src/app/config/duration.ts';
import { ConfigError } from '../../../src/app/config/errors.ts';
import { parseOverrides } from '../../../src/app/config/overrides.ts';
import { parseConfig, parseWalletConfig } from '../../../src/app/config/parse.ts';
import type { ParseOptions } from '../../../src/app/config/prepare.ts';
import { printableConfig } from '../../../src/app/config/print.ts';
import { findConfigFile, readConfigFile } from '../../../src/app/config/source.ts';

/** Backends for these tests: one that is real money to the config, one that is play money. */
const definition = (kind: string): AdapterDefinition => ({
  kind,
  configSchema: z.strictObject({
    kind: z.literal(kind),
    host: z.string().default('localhost'),
    port: z.number().int().optional(),
    socket: z.string().optional(),
    tls: z.boolean().optional(),
    password: z
      .string()
      .refine((text) => text.length > 3, { error: (issue) => `too short: ${String(issue.input)}` })
      .optional(),
  }),
  secrets: ['password', 'rune'],
  capabilities: {} as AdapterDefinition['capabilities'],
  create: () => Promise.reject(new Error('not in these tests')),
});
const adapters = { acme: async () => definition('acme'), simulated: async () => definition('simulated') };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(text: string, name = 'tickerplant.config.yaml'): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

async function load(text: string, options: ParseOptions & { set?: readonly string[]; name?: string } = {}) {
  const { set = [], name, ...rest } = options;
  return await parseConfig(await readConfigFile(await write(text, name)), {
    adapters,
    environment: {},
    ...rest,
    overrides: parseOverrides(set),
  });
}

async function refusal(text: string, options: Parameters<typeof load>[1] = {}): Promise<string> {
  const error = await load(text, options).then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).message.replaceAll(folder, '');
}

const BACKEND = 'backend: { kind: acme }\n';

test("a backend is enough: the whitepaper's table, WebSocket on loopback, files beside the config", async () => {
  const config = await load(BACKEND);
  expect(config.tables).toEqual([
    {
      name: 'trade',
      columns: [
        { name: 'time', type: 'timestamp' },
        { name: 'sym', type: 'symbol' },
        { name: 'price', type: 'float' },
        { name: 'size', type: 'long' },
      ],
      symbols: undefined,
      pricing: { kind: 'flat', msat: 100_000n, lastsMs: 86_400_000, replayMs: 86_400_000 },
    },
  ]);
  expect(config.transports.websocket).toMatchObject({ host: '127.0.0.1', port: 5010 });
  expect(config.ledger).toEqual({ kind: 'sqlite', path: join(folder, 'data/ledger.db') });
  expect(config.journal.dir).toBe(join(folder, 'data/journal'));
  expect(config.feed).toBeUndefined();
  expect(config.quoteExpirySeconds).toBe(3600);
});

test('the names of the design are understood', async () => {
  const config = await load(`
backend: { kind: acme, host: example.org }
tables:
  trade:
    columns: { time: timestamp, sym: symbol, price: float, size: long }
    symbols: [AAPL, GOOG]
    pricing: { kind: flat, msat: 100000, lasts: 24h }
feed: { kind: random, seed: 1, rowsPerSecond: 50 }
transports:
  websocket: { host: 127.0.0.1, port: 5011 }
ledger: { kind: sqlite, path: elsewhere/ledger.db }
journal: { dir: ~/journal }
`);
  expect(config.tables[0]?.symbols).toEqual(['AAPL', 'GOOG']);
  expect(config.feed).toMatchObject({ kind: 'random', seed: 1, rowsPerSecond: 50 });
  expect(config.ledger.path).toBe(join(folder, 'elsewhere/ledger.db'));
  expect(config.journal.dir).toBe(join(homedir(), 'journal'));
});

test('JSON and modules are configs too, and a module may answer a function', async () => {
  expect((await load('{"backend":{"kind":"acme"}}', { name: 'a.json' })).backend.kind).toBe('acme');
  expect((await load('export default { backend: { kind: "acme" } };', { name: 'a.mjs' })).backend.kind).toBe('acme');
  expect((await load('export default async () => ({ backend: { kind: "acme" as string } });', { name: 'b.ts' })).backend.kind).toBe('acme');
  expect(await refusal('export const backend = 1;', { name: 'c.mjs' })).toContain('no default export');
});

test('a typo is named with its place, and the right name suggested', async () => {
  expect(await refusal(`${BACKEND}tabels: {}\n`)).toBe('/tickerplant.config.yaml:2:1: tabels: unknown key; did you mean tables?');
  expect(await refusal(`${BACKEND}transports:\n  websocket:\n    prot: 1\n`)).toBe(
    '/tickerplant.config.yaml:4:5: transports.websocket.prot: unknown key; did you mean port?',
  );
  expect(await refusal('backend: { kind: acmee }')).toContain('backend.kind: there is no such backend; did you mean acme?');
  expect(await refusal('backend: { kind: acme, hots: x }')).toContain('backend.hots: unknown key; did you mean host?');
  expect(await refusal(`${BACKEND}feed: { kind: random, rowPerSecond: 1 }`)).toContain(
    'feed.rowPerSecond: unknown key; did you mean rowsPerSecond?',
  );
  expect(await refusal(`${BACKEND}feed: { kind: radnom }`)).toMatch(/feed\.kind: there is no such kind; there are random, replay/);
  expect(await refusal(`${BACKEND}tables: { trade: { columns: { time: timestamp, sym: symbol, price: flaot } } }`)).toContain(
    'tables.trade.columns.price: there is no column type of this name; did you mean float?',
  );
});

test('prices and durations that can not be meant are named with path and fix', async () => {
  const priced = (pricing: string) => `${BACKEND}tables: { trade: { columns: { time: timestamp, sym: symbol }, pricing: ${pricing} } }`;
  expect(await refusal(priced('{ msat: -5 }'))).toContain('tables.trade.pricing.msat: an amount is a whole number of millisatoshi from 1');
  expect(await refusal(priced('{ msat: 0 }'))).toContain('tables.trade.pricing.msat');
  expect(await refusal(priced('{ msat: 1.5 }'))).toContain('tables.trade.pricing.msat');
  expect(await refusal(priced('{ msat: [1] }'))).toContain(
    'tables.trade.pricing.msat: an amount is a whole number of millisatoshi, such as 100000',
  );
  expect(await refusal(priced('{ lasts: 24 }'))).toContain('tables.trade.pricing.lasts: a duration is text with a unit, such as 24h');
  expect(await refusal(priced('{ lasts: 24x }'))).toContain('tables.trade.pricing.lasts: a duration is a number with a unit');
  expect((await load(priced('{ msat: "2100000000000000000", lasts: 1h30m }'))).tables[0]?.pricing).toEqual({
    kind: 'flat',
    msat: 2_100_000_000_000_000_000n,
    lastsMs: 5_400_000,
    replayMs: 86_400_000,
  });
});

test('pricing by time and by the row has defaults that go with what is given, and a table may leave a choice', async () => {
  const pricing = async (text: string) =>
    (await load(`${BACKEND}tables: { trade: { columns: { time: timestamp, sym: symbol }, pricing: ${text} } }`)).tables[0]?.pricing;
  const replayMs = 86_400_000;
  expect(await pricing('{ kind: time, msat: 5000, per: 1h }')).toEqual({
    kind: 'time',
    msat: 5_000n,
    perMs: 3_600_000,
    renewBeforeMs: 360_000,
    graceMs: 30_000,
    replayMs,
  });
  expect(await pricing('{ kind: time, msat: 5000, per: 15s, grace: 0s, replay: 1h }')).toMatchObject({
    renewBeforeMs: 7_500,
    graceMs: 0,
    replayMs: 3_600_000,
  });
  expect(await pricing('[{ kind: tick, msat: 10 }, { lasts: day }]')).toEqual([
    { kind: 'tick', msat: 10n, prepayMsat: 10_000n, topUpBelowMsat: 2_000n, lastsMs: 30 * 86_400_000, replayMs },
    { kind: 'flat', msat: 100_000n, lastsMs: 'day', replayMs },
  ]);
});

test('a pricing that can not be meant is named with path and fix', async () => {
  const priced = (pricing: string) => `${BACKEND}tables: { trade: { columns: { time: timestamp, sym: symbol }, pricing: ${pricing} } }`;
  expect(await refusal(priced('{ kind: tik, msat: 1 }'))).toContain('there is no such kind of pricing; did you mean tick?');
  expect(await refusal(priced('{ kind: tick, msat: 1, topUpBelwo: 1 }'))).toContain('did you mean topUpBelow?');
  expect(await refusal(priced('{ kind: tick }'))).toContain('tables.trade.pricing.msat: an amount is a whole number');
  expect(await refusal(priced('{ kind: tick, msat: 10, prepay: 5 }'))).toContain('tables.trade.pricing.prepay: ');
  expect(await refusal(priced('{ kind: tick, msat: 10, prepay: 50, topUpBelow: 50 }'))).toContain('tables.trade.pricing.topUpBelow: ');
  expect(await refusal(priced('{ kind: time, msat: 10, per: 1h, renewBefore: 2h }'))).toContain('tables.trade.pricing.renewBefore: ');
  expect(await refusal(priced('[{ msat: 10 }, { kind: flat, msat: 5 }]'))).toContain('flat is there twice');
  expect(await refusal(priced('[]'))).toContain('name at least one pricing');
  expect(await refusal(`${BACKEND}settlements: { late: keep }`)).toContain('settlements.late: honour, credit or refund');
});

test("what becomes of money that came otherwise is the buyer's, unless it is said", async () => {
  expect((await load(BACKEND)).settlements.late).toBe('honour');
  expect((await load(`${BACKEND}settlements: { late: refund, overpaid: refund }`)).settlements).toEqual({
    late: 'refund',
    withdrawn: 'honour',
    overpaid: 'refund',
    underpaid: 'credit',
    duplicate: 'credit',
    tableGone: 'credit',
  });
});

test("a table without time and sym in front is kdb+'s error", async () => {
  expect(await refusal(`${BACKEND}tables: { trade: { columns: { sym: symbol, time: timestamp } } }`)).toMatch(
    /tables\.trade\.columns\.sym: .*'timesym/,
  );
  expect(await refusal(`${BACKEND}tables: { 'a b': { columns: { time: timestamp, sym: symbol } } }`)).toContain('tables.a b: ');
  expect(await refusal(`${BACKEND}tables: {}`)).toContain('name at least one table');
  expect(await refusal(`${BACKEND}tables: { trade: { columns: { time: timestamp, sym: symbol }, symbols: [A, A] } }`)).toContain(
    '"A" is there twice',
  );
});

test('everything that is wrong is said at once', async () => {
  const message = await refusal('backend: { kind: acme, port: x }\nfeeed: 1\njournal: { dri: x }\n');
  expect(message.split('\n')).toHaveLength(3);
  expect(message).toContain('backend.port: expected number, received string');
});

test('a missing backend says what there is', async () => {
  expect(await refusal('tables:\n')).toContain(
    'backend: is missing; say which node: backend: { kind: … } (there are acme, simulated, polar)',
  );
  expect(await refusal('backend: {}')).toContain('backend.kind: is missing');
  expect(await refusal('backend: acme')).toContain('backend: must be keys and values');
  expect(await refusal('- 1\n')).toContain('a config is keys and values');
  expect(await refusal('')).toContain('backend: is missing');
});

test('the environment fills in values, numbers and truth values where those are wanted', async () => {
  const text = `backend: { kind: "\${KIND:-acme}", host: "\${HOST}", port: "\${PORT}", tls: \${TLS:-true}, password: \${PASSWORD} }`;
  const config = await load(text, { environment: { HOST: 'h', PORT: '9735', PASSWORD: '0123456' } });
  expect(config.backend.config).toEqual({ kind: 'acme', host: 'h', port: 9735, tls: true, password: '0123456' });
  const flow = await load('backend: { kind: acme, password: ${PASSWORD}, host: "a-${HOST:-b}-${HOST:-c}" }', {
    environment: { PASSWORD: '}, {' },
  });
  expect(flow.backend.config).toEqual({ kind: 'acme', password: '}, {', host: 'a-b-c' });
});

test('what the environment holds is data: it adds no keys and is not read as YAML', async () => {
  const config = await load('backend: { kind: acme, host: "${HOST}" }', { environment: { HOST: '{ a: 1 }, port: 1' } });
  expect(config.backend.config).toEqual({ kind: 'acme', host: '{ a: 1 }, port: 1' });
  expect((await load('backend: { kind: acme, host: "$${HOST}" }')).backend.config).toEqual({ kind: 'acme', host: '${HOST}' });
});

test('a variable that is not set is named with its path', async () => {
  expect(await refusal('backend:\n  kind: acme\n  host: ${NOPE}\n')).toBe(
    '/tickerplant.config.yaml:3:3: backend.host: the environment variable NOPE is not set; set it, or give a default: ${NOPE:-…}',
  );
});

test('the command line wins, and is named where it is wrong', async () => {
  const config = await load(`${BACKEND}feed: { kind: random }`, {
    set: [
      'transports.websocket.port=6000',
      'feed.rowsPerSecond=7',
      'tables.quote.columns={time: timespan, sym: symbol}',
      'ledger.path=here.db',
    ],
    workingFolder: '/work-folder',
  });
  expect(config.transports.websocket?.port).toBe(6000);
  expect(config.feed).toMatchObject({ rowsPerSecond: 7 });
  expect(config.tables.map((table) => table.name)).toEqual(['trade', 'quote']);
  expect(config.ledger.path).toBe('/work-folder/here.db');
  expect(await refusal(BACKEND, { set: ['transports.websocket.port=high'] })).toBe(
    '--set: transports.websocket.port: expected number, received string',
  );
  expect(() => parseOverrides(['novalue'])).toThrow(/without =; write --set a\.b=value/);
  expect(() => parseOverrides(['a..b=1'])).toThrow(/empty key/);
  expect(() => parseOverrides(['a=1', 'a.b=2'])).toThrow(/a was set to a value/);
});

test('a name of the language is a key like any other', async () => {
  expect(Object.keys(parseOverrides(['__proto__.x=1']))).toEqual(['__proto__']);
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  expect(await refusal(BACKEND, { set: ['__proto__.x=1'] })).toContain('__proto__: unknown key');
});

test('play money is served on loopback only, unless forced', async () => {
  const text = 'backend: { kind: simulated }\ntransports: { websocket: { host: 0.0.0.0 } }\n';
  expect(await refusal(text)).toMatch(/transports\.websocket\.host: backend\.kind is simulated.*set backend\.forcePublic: true/);
  expect((await load(text, { forcePublic: true })).backend.kind).toBe('simulated');
  expect((await load(text, { set: ['backend.forcePublic=true'] })).backend.config).toEqual({ kind: 'simulated', host: 'localhost' });
  for (const host of ['localhost', '::1', '127.0.0.53', '[::1]']) {
    expect((await load('backend: { kind: simulated }', { set: [`transports.websocket.host="${host}"`] })).backend.kind).toBe('simulated');
  }
  for (const host of ['::', '192.168.1.2', 'example.org', '127.evil.org']) {
    expect(await refusal('backend: { kind: simulated }', { set: [`transports.websocket.host="${host}"`] })).toContain('play money');
  }
  expect((await load('backend: { kind: acme }\ntransports: { websocket: { host: 0.0.0.0 } }\n')).backend.kind).toBe('acme');
});

test('no secret is in an error', async () => {
  expect(await refusal('backend: { kind: acme, password: p9q }')).toBe(
    '/tickerplant.config.yaml:1:24: backend.password: is not valid (its value is not shown)',
  );
  for (const text of [
    'backend: { kind: acme, password: *hunter2 }',
    'backend: { kind: acme\npassword: "hunter2',
    'a: hunter2: b',
    'password: hunter2\npassword: hunter2\n',
  ]) {
    expect(await refusal(text), text).not.toContain('hunter2');
  }
});

test('printed, secrets are masked, defaults are there, and it can be read again', async () => {
  const config = await load(
    'backend: { kind: acme, password: hunter2, host: "https://bob:hunter2@example.org" }\nfeed: { kind: random, seed: 4 }\n',
  );
  const printed = printableConfig(config);
  expect(JSON.stringify(printed)).not.toContain('hunter2');
  expect(printed).toMatchObject({
    backend: { kind: 'acme', password: '***', host: 'https://***@example.org' },
    feed: { kind: 'random', seed: 4, rowsPerSecond: 50 },
    transports: { websocket: { port: 5010 } },
    quotes: { expiry: '3600s' },
    endOfDay: { at: '00:00', zone: 'UTC' },
    stop: { deadline: '5000ms' },
  });
  const again = await load(JSON.stringify({ ...printed, backend: { kind: 'acme' } }), { name: 'again.json' });
  expect(again.tables).toEqual(config.tables);
  expect(again.limits).toEqual(config.limits);
  expect(again.endOfDay).toEqual(config.endOfDay);
});

test('the end of the day is a time and a zone; what is none is told with its path and what to write', async () => {
  const backend = 'backend: { kind: acme }\n';
  expect((await load(backend)).endOfDay).toEqual({ at: '00:00', zone: 'UTC' });
  expect((await load(`${backend}endOfDay: { at: 17:00, zone: America/New_York }`)).endOfDay).toEqual({
    at: '17:00',
    zone: 'America/New_York',
  });
  expect((await load(`${backend}endOfDay: { zone: Asia/Tokyo }`)).endOfDay).toEqual({ at: '00:00', zone: 'Asia/Tokyo' });
  expect(await refusal(`${backend}endOfDay: { at: "25:00" }`)).toMatch(/endOfDay\.at: .*"00:00" to "23:59"/);
  expect(await refusal(`${backend}endOfDay: { at: 1700 }`)).toMatch(/endOfDay\.at: .*"17:00"/);
  expect(await refusal(`${backend}endOfDay: { zone: Europe/Lonon }`)).toMatch(/endOfDay\.zone: .*did you mean Europe\/London\?/);
  expect(await refusal(`${backend}endOfDay: { zone: 7 }`)).toMatch(/endOfDay\.zone: /);
  expect(await refusal(`${backend}endOfDay: { att: "17:00" }`)).toMatch(/endOfDay\.att: unknown key; did you mean at\?/);
});

test('a stop has a deadline of ten minutes at most', async () => {
  const backend = 'backend: { kind: acme }\n';
  expect((await load(backend)).stopDeadlineMs).toBe(5_000);
  expect((await load(`${backend}stop: { deadline: 1m }`)).stopDeadlineMs).toBe(60_000);
  expect(await refusal(`${backend}stop: { deadline: 1h }`)).toMatch(/stop\.deadline: at most 10m/);
});

test('a wallet is a backend alone', async () => {
  const wallet = (text: string) =>
    write(text, 'wallet.yaml')
      .then(readConfigFile)
      .then((source) => parseWalletConfig(source, { adapters, environment: {} }));
  expect((await wallet('backend: { kind: acme, socket: ~/x }')).config).toMatchObject({ socket: join(homedir(), 'x') });
  expect((await wallet('backend: { kind: acme, host: ./x }')).config).toMatchObject({ host: join(folder, 'x') });
  expect((await wallet('backend: { kind: acme, socket: x.sock }')).config).toMatchObject({ socket: join(folder, 'x.sock') });
  await expect(wallet('backend: { kind: acme }\nfeed: {}')).rejects.toThrow(/feed: does not belong in a wallet/);
});

test('a file that is not there, or can not be read, is named', async () => {
  await expect(readConfigFile(join(folder, 'no.yaml'))).rejects.toThrow(/no\.yaml: there is no such file/);
  await expect(readConfigFile(folder)).rejects.toThrow(/folder, not a config file/);
  expect(() => findConfigFile(folder)).toThrow(/looked for tickerplant\.config\.yaml/);
  const file = await write(BACKEND);
  expect(findConfigFile(folder)).toBe(file);
});

test('a file with tabs or twice the same key says where', async () => {
  expect(await refusal('backend:\n\tkind: acme\n')).toMatch(/:2:1: .*tabs/);
  expect(await refusal('backend: { kind: acme }\nbackend: { kind: acme }\n')).toMatch(/:2:1: this key is there twice/);
});

test('property: durations add up, and what has no unit is none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 99 }), fc.integer({ min: 1, max: 99 }), (h, m, s) => {
      expect(parseDuration(`${h}h${m}m${s}s`)).toBe(((h * 60 + m) * 60 + s) * 1000);
      expect(parseDuration(String(s))).toBeUndefined();
      expect(parseDuration(`-${s}s`)).toBeUndefined();
    }),
  );
  expect(parseDuration('0h')).toBeUndefined();
  expect(parseDuration('1.5h')).toBe(5_400_000);
});

test('property: a set value is read back as the YAML that it was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => {
      const text = JSON.stringify(value);
      expect(parseOverrides([`a.b=${text}`])).toEqual({ a: { b: parse(text) } });
    }),
  );
});

test("the example in the package's root is a good config, and so are the examples of three processes", async () => {
  const root = join(import.meta.dirname, '../../..');
  const example = await parseConfig(await readConfigFile(join(root, 'tickerplant.config.example.yaml')), { environment: {} });
  expect(example).toMatchObject({ backend: { kind: 'lnd' }, transports: { websocket: { port: 5010 } } });
  const server = await parseConfig(await readConfigFile(join(root, 'examples/three-processes/server.yaml')), { environment: {} });
  expect(server.transports.websocket).toMatchObject({ host: '127.0.0.1', port: 5010 });
  const buyer = await parseWalletConfig(await readConfigFile(join(root, 'examples/three-processes/buyer.yaml')), { environment: {} });
  expect(buyer.kind).toBe('simulated');
});

test('what docs/configuration.md shows is a good config', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8');
  const shown = /```yaml\n(backend:[^`]*tables:[^`]*)```/.exec(text)?.[1];
  const file = await write(shown as string);
  await expect(parseConfig(await readConfigFile(file), { environment: {} })).resolves.toMatchObject({ quoteExpirySeconds: 3600 });
});
