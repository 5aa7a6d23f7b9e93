import { expect, test } from 'vitest';
import { feedConfigSchema, type ReplayFeedConfig } from '../../../src/feed/config.ts';
import { tableFromFile } from '../../../src/feed/table-from-file.ts';
import { feedOf, fileOf, fixture, rowsOf, table } from './support.ts';

const config = (options: object): ReplayFeedConfig =>
  feedConfigSchema.parse({ kind: 'replay', schemaFromFile: true, ...options }) as ReplayFeedConfig;
const columnsOf = async (options: object): Promise<object> =>
  Object.fromEntries((await tableFromFile(config(options), 'x')).columns.map(({ name, type }) => [name, type]));

test('the unmapped columns of a file become columns of the table, and its rows go in', async () => {
  const options = { file: fixture('sensors.csv'), columns: "sym='SEATTLE',time=date" };
  const schema = await tableFromFile(config(options), 'weather');
  expect(schema).toStrictEqual({
    name: 'weather',
    columns: [
      { name: 'time', type: 'timestamp' },
      { name: 'sym', type: 'symbol' },
      { name: 'air_pressure', type: 'float' },
      { name: 'wind', type: 'float' },
      { name: 'sky', type: 'symbol' },
      { name: 'note', type: 'symbol' },
    ],
  });
  const feed = feedOf(
    { kind: 'replay', schemaFromFile: true, ...options },
    { tables: [{ ...table('weather', { time: 'timestamp', sym: 'symbol' }), ...schema }] },
  );
  expect((await rowsOf(feed))[2]).toStrictEqual(['2010-01-01T03:00:00.000Z', 'SEATTLE', 1016.7, 3.8, 'clouds', 'two\nlines']);
});

test('types are what all values fit, and mapped columns come first', async () => {
  const file = await fileOf(
    'a.ndjson',
    '{"at":"14:30","s":"A","up":true,"n":1,"mixed":1}\n{"at":"14:31","s":"B","up":false,"n":2.5,"mixed":"x","2nd":null}\n',
  );
  expect(await columnsOf({ file, columns: { time: 'at', sym: 's', price: 'n', venue: "'X'" } })).toStrictEqual({
    time: 'timespan',
    sym: 'symbol',
    price: 'float',
    venue: 'symbol',
    up: 'boolean',
    mixed: 'symbol',
    c2nd: 'symbol',
  });
});

test('text that is long or hardly ever repeats is a string', async () => {
  const long = await fileOf('a.csv', `sym,note\nA,${'x'.repeat(65)}\n`);
  const many = await fileOf('b.csv', `sym,note\n${Array.from({ length: 1001 }, (_, i) => `A,n${i}\n`).join('')}`);
  expect(await columnsOf({ file: long })).toStrictEqual({ time: 'timestamp', sym: 'symbol', note: 'string' });
  expect(await columnsOf({ file: many })).toStrictEqual({ time: 'timestamp', sym: 'symbol', note: 'string' });
});

test.each([
  ['time,price\n', {}, 'nothing is mapped to sym'],
  ['time,ticker\n', { columns: 'sym=symbol' }, 'column symbol: is mapped, but the file has "time", "ticker"'],
  ['sym,a b,a-b\n', {}, 'column a_b: there are two of this name'],
])('a file with the columns %o and the options %o makes no table', async (text, options, message) => {
  const file = await fileOf('a.csv', text);
  await expect(tableFromFile(config({ file, ...options }), 'x')).rejects.toThrow(message);
});
