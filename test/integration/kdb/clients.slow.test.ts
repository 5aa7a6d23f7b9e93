import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Value } from '../../../src/core/tickerplant/schema.ts';
import { KDB_EPOCH_NS } from '../../../src/kdb/times.ts';
import { until } from './support/client.ts';
import { npmPackage, pythonWith } from './support/installed.ts';
import { Plant } from './support/plant.ts';
import { PythonClient } from './support/python-client.ts';

const INSTALL_MS = 400_000;
const TIME = '2026-11-20T14:30:00.123456789Z';
const UNIX_NS = BigInt(Date.parse('2026-11-20T14:30:00Z')) * 1_000_000n + 123_456_789n;
const ROW: readonly Value[] = [
  '0D14:30:00.5',
  'AAPL',
  TIME,
  '-1D00:00:00.000000001',
  '2026-11-20',
  'n',
  'héllo',
  1.5,
  0.5,
  2n ** 53n + 1n,
  -7,
  3,
  true,
] as const;

let plant: Plant;
beforeAll(async () => {
  plant = await Plant.start();
}, INSTALL_MS);
afterAll(() => plant[Symbol.asyncDispose]());

type Pair = readonly [unknown, unknown, Record<string, string>];

/** Whatever a client makes of names. */
const texts = (value: unknown): string => JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each));

test(
  'node-q subscribes in all its forms, pays, gets rows with their types, the day’s end, errors, and resumes by its login',
  async () => {
    const folder = await npmPackage('node-q', '2.7.0');
    const nodeq = createRequire(join(folder, 'index.js'))('node-q') as NodeQ;
    const connect = (password: string): Promise<NodeQConnection> =>
      new Promise((resolve, reject) => {
        const login = { host: '127.0.0.1', port: plant.port, user: 'node', password, nanos2date: false, long2number: false };
        nodeq.connect(login, (error, connection) => {
          if (error !== undefined && error !== null) reject(error);
          else resolve(connection);
        });
      });
    const asker =
      (connection: NodeQConnection) =>
      (...args: unknown[]): Promise<unknown> =>
        new Promise((resolve, reject) => {
          connection.k(...args, (error: Error | undefined, result: unknown) => (error === undefined ? resolve(result) : reject(error)));
        });
    const first = await connect('test');
    const ask = asker(first);
    expect(await ask('.u.t')).toEqual(['trade', 'every']);
    expect(await ask('meta trade')).toEqual([
      [{ c: 'time' }, { c: 'sym' }, { c: 'price' }, { c: 'size' }],
      [
        { t: 'p', f: null, a: null },
        { t: 's', f: null, a: 'g' },
        { t: 'f', f: null, a: null },
        { t: 'j', f: null, a: null },
      ],
    ]);
    for (const args of [
      ['.u.sub[`trade;`AAPL`GOOGL]'],
      ['.u.sub', '`trade', ['`AAPL', '`GOOGL']],
      ['.u.sub', 'trade', ['AAPL', 'GOOGL']],
      ['.u.sub', nodeq.symbol('trade'), nodeq.symbols(['AAPL', 'GOOGL'])],
    ]) {
      const [name, , invoice] = (await ask(...args)) as Pair;
      expect([name, String(invoice['amount'])], texts(args)).toEqual(['trade', '200000']);
    }
    await expect(ask('.u.sub[`nosuch;`]')).rejects.toThrow('nosuch');
    await expect(ask('{x+y}[1;2]')).rejects.toThrow('nyi');
    expect(await ask('(.u.sub[`;`];.u `i`L)')).toEqual([
      [
        ['trade', []],
        ['every', []],
      ],
      [null, null],
    ]);

    const [, , invoice] = (await ask('.u.sub[`every;`AAPL]')) as Pair;
    const updates: unknown[] = [];
    first.on('upd', (table, rows) => updates.push([table, rows]));
    await plant.pay(invoice['payment_request'] as string);
    await settled(async () => (await ask('.u.pendingInvoices[]')) as { payment_request: string; settled: boolean }[], invoice);
    plant.publish('every', ROW);
    await until(() => updates.length === 1, 'an update');
    const [[table, [row]]] = updates as [[string, [Record<string, unknown>]]];
    expect(table).toBe('every');
    expect(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value instanceof Date ? value : String(value)]))).toEqual({
      time: '52200500000000',
      sym: 'AAPL',
      // What node-q makes of nanoseconds: a double.
      ts: String(Number(UNIX_NS)),
      span: '-86400000000001',
      day: new Date('2026-11-20'),
      name: 'n',
      text: 'héllo',
      f: '1.5',
      e: '0.5',
      j: '9007199254740993',
      i: '-7',
      h: '3',
      b: 'true',
    });
    const ended: unknown[] = [];
    first.k((_: unknown, message: unknown) => ended.push(message));
    const date = await plant.endDay();
    await until(() => ended.length === 1, "the day's end");
    expect(ended).toEqual([['.u.end', new Date(date)]]);
    await new Promise<void>((resolve) => first.close(() => resolve()));

    plant.publish('every', ROW.with(5, 'later'));
    const second = await connect(invoice['token'] as string);
    second.on('upd', (_, rows) => updates.push(rows));
    expect(await asker(second)('.u.sub[`every;`AAPL]')).toEqual(['every', []]);
    await until(() => JSON.stringify(updates.at(-1)).includes('"later"'), 'the row that was missed');
    await new Promise<void>((resolve) => second.close(() => resolve()));
  },
  INSTALL_MS,
);

test(
  'PyKX subscribes in all its forms, pays, gets rows with their types, the day’s end, errors, and resumes by its login',
  async () => {
    const python = await pythonWith('pykx-4.2.0', 'pykx==4.2.0');
    const client = plant.keep(new PythonClient(python, 'pykx-buyer.py'));
    await client.connect(plant.port, { user: 'py', password: 'test' });
    expect(await client.ask('.u.t')).toEqual({ kx: 'SymbolVector', value: ['trade', 'every'] });
    for (const args of [
      ['.u.sub[`trade;`AAPL`GOOGL]'],
      ['.u.sub', 'trade', { symbols: ['AAPL', 'GOOGL'] }],
      ['.u.sub', { symbol: 'trade' }, { symbols: ['AAPL', 'GOOGL'] }],
      ['.u.sub', { chars: 'trade' }, { symbols: ['AAPL', 'GOOGL'] }],
    ]) {
      const [name, schema, invoice] = (await client.ask(...args)) as readonly [unknown, unknown, { value: Record<string, unknown> }];
      expect(name).toEqual({ kx: 'SymbolAtom', value: 'trade' });
      expect(schema).toMatchObject({ types: { time: 'datetime64[ns]', price: 'float64', size: 'int64' } });
      expect(invoice.value['amount'], texts(args)).toBe(200_000);
    }
    const all = (await client.ask('.u.sub', 'trade', '')) as readonly unknown[];
    expect(all[2]).toMatchObject({ value: { amount: 300_000 } });
    const none = (await client.ask('.u.sub', 'trade', null)) as readonly unknown[];
    expect(none[2]).toMatchObject({ value: { amount: 300_000 } });
    expect(await client.ask('meta trade')).toMatchObject({ kx: 'KeyedTable' });
    expect(await client.ask('(.u.sub[`;`];.u `i`L)')).toHaveLength(2);
    await expect(client.ask('.u.sub[`nosuch;`]')).rejects.toThrow('QError: nosuch');
    await expect(client.ask('1+1')).rejects.toThrow('QError: nyi');
    await client.close();

    await client.connect(plant.port, { user: 'py', password: 'test', raw: true });
    const [, , { value: invoice }] = (await client.ask('.u.sub[`every;`AAPL]')) as readonly [
      unknown,
      unknown,
      { value: Record<string, string> },
    ];
    await plant.pay(invoice['payment_request'] as string);
    await settled(async () => rowsOf((await client.ask('.u.pendingInvoices[]')) as Described), invoice);
    plant.publish('every', ROW);
    const [upd, table, rows] = (await client.receive()) as readonly [{ value: unknown }, { value: unknown }, Described];
    expect([upd.value, table.value]).toEqual(['upd', 'every']);
    expect(rows).toEqual({
      types: {
        time: 'timedelta64[ns]',
        sym: 'object',
        ts: 'datetime64[ns]',
        span: 'timedelta64[ns]',
        day: 'datetime64[s]',
        name: 'object',
        text: 'object',
        f: 'float64',
        e: 'float32',
        j: 'int64',
        i: 'int32',
        h: 'int16',
        b: 'bool',
      },
      columns: {
        time: [52_200_500_000_000],
        sym: ['AAPL'],
        ts: [UNIX_NS],
        span: [-86_400_000_000_001],
        day: [20_777 * 86_400],
        name: ['n'],
        text: ['héllo'],
        f: [1.5],
        e: [0.5],
        j: [9_007_199_254_740_993n],
        i: [-7],
        h: [3],
        b: [true],
      },
    });
    const date = await plant.endDay();
    expect(await client.receive()).toMatchObject([{ value: '.u.end' }, { kx: 'DateAtom', value: date }]);
    await client.close();
    plant.publish('every', ROW.with(5, 'later'));
    await client.connect(plant.port, { user: 'py', password: invoice['token'] as string, raw: true });
    await client.tell('.u.sub[`every;`AAPL]');
    await missed(client);
    await client.close();
  },
  INSTALL_MS,
);

test(
  'qPython subscribes in all its forms, pays, gets rows with their types, the day’s end, errors, and resumes by its login',
  async () => {
    const python = await pythonWith('qpython-2.0.0', 'numpy==1.23.5', 'qPython==2.0.0');
    const client = plant.keep(new PythonClient(python, 'qpython-buyer.py'));
    expect(await client.connect(plant.port, { user: 'qpy', password: 'test' })).toBe(3);
    expect(await client.ask('.u.t')).toEqual(['trade', 'every']);
    for (const args of [
      ['.u.sub[`trade;`AAPL`GOOGL]'],
      ['.u.sub', { symbol: 'trade' }, { symbols: ['AAPL', 'GOOGL'] }],
      ['.u.sub', { chars: 'trade' }, { symbols: ['AAPL', 'GOOGL'] }],
    ]) {
      const [name, , invoice] = (await client.ask(...args)) as Pair;
      expect([name, invoice['amount']], texts(args)).toEqual(['trade', 200_000]);
    }
    const [, , one] = (await client.ask('.u.sub', { symbol: 'trade' }, { chars: 'AAPL' })) as Pair;
    expect(one['amount']).toBe(100_000);
    await expect(client.ask('.u.sub[`nosuch;`]')).rejects.toThrow('nosuch');
    await expect(client.ask('value "1+1"')).rejects.toThrow('nyi');
    expect(await client.ask('meta trade')).toMatchObject({ values: { columns: { a: ['', 'g', '', ''] } } });
    expect(await client.ask('(.u.sub[`;`];.u `i`L)')).toHaveLength(2);

    const [, , invoice] = (await client.ask('.u.sub[`every;`AAPL]')) as Pair;
    await plant.pay(invoice['payment_request'] as string);
    await settled(async () => rowsOf((await client.ask('.u.pendingInvoices[]')) as Described), invoice);
    plant.publish('every', ROW);
    expect(await client.receive()).toEqual([
      'upd',
      'every',
      {
        types: { time: -16, sym: -11, ts: -12, span: -16, day: -14, name: -11, text: 0, f: -9, e: -8, j: -7, i: -6, h: -5, b: -1 },
        columns: {
          time: [52_200_500_000_000],
          sym: ['AAPL'],
          ts: [UNIX_NS - KDB_EPOCH_NS],
          span: [-86_400_000_000_001],
          day: [9820],
          name: ['n'],
          text: ['héllo'],
          f: [1.5],
          e: [0.5],
          j: [9_007_199_254_740_993n],
          i: [-7],
          h: [3],
          b: [true],
        },
      },
    ]);
    const date = await plant.endDay();
    expect(await client.receive()).toEqual(['.u.end', date]);
    await client.close();
    plant.publish('every', ROW.with(5, 'later'));
    await client.connect(plant.port, { user: 'qpy', password: invoice['token'] as string });
    expect(await client.ask('.u.sub[`every;`AAPL]')).toHaveLength(2);
    await missed(client);
    await client.close();
  },
  INSTALL_MS,
);

/** The row that was published in between; before it may come what was had already. */
async function missed(client: PythonClient): Promise<void> {
  for (;;) {
    const [, , { columns }] = (await client.receive()) as readonly [unknown, unknown, Described];
    if (columns['name']?.[0] === 'later') return;
    expect(columns['name']).toEqual(['n']);
  }
}

interface Described {
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
}

function rowsOf({ columns }: Described): { payment_request: string; settled: boolean }[] {
  const { payment_request: requests = [], settled: are = [] } = columns;
  return requests.map((request, i) => ({ payment_request: String(request), settled: are[i] === true }));
}

async function settled(
  pending: () => Promise<{ payment_request: string; settled: boolean }[]>,
  invoice: Readonly<Record<string, string>>,
): Promise<void> {
  const end = performance.now() + 8_000;
  for (;;) {
    const rows = await pending();
    if (rows.some((row) => row.payment_request === invoice['payment_request'] && row.settled)) return;
    if (performance.now() > end) throw new Error(`not settled: ${texts(rows)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

interface NodeQ {
  connect(
    options: Readonly<Record<string, unknown>>,
    callback: (error: Error | null | undefined, connection: NodeQConnection) => void,
  ): void;
  symbol(text: string): unknown;
  symbols(texts: readonly string[]): unknown;
}

interface NodeQConnection {
  k(...args: unknown[]): void;
  on(event: 'upd', listener: (table: string, rows: unknown) => void): void;
  close(callback: () => void): void;
}
