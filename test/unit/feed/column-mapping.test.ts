import { expect, test } from 'vitest';
import { parseColumnMapping, tableColumnName } from '../../../src/feed/column-mapping.ts';

test('a mapping names columns, quoted columns and constants', () => {
  expect([...parseColumnMapping(`sym=symbol, time = date ,price="last, ""best"" price",venue='N=Y, S''E'`)]).toStrictEqual([
    ['sym', { kind: 'column', name: 'symbol' }],
    ['time', { kind: 'column', name: 'date' }],
    ['price', { kind: 'column', name: 'last, "best" price' }],
    ['venue', { kind: 'constant', text: "N=Y, S'E" }],
  ]);
  expect(parseColumnMapping('').size).toBe(0);
});

test('an object says the same as a text', () => {
  expect(parseColumnMapping({ sym: "'SEATTLE'", time: 'date' })).toStrictEqual(parseColumnMapping("sym='SEATTLE',time=date"));
});

test.each([
  ['sym', 'can\'t read "sym"'],
  ['sym=a,,time=b', 'can\'t read ",time=b"'],
  ["sym='SEATTLE", "can't read"],
  ['sym=a,sym=b', 'column sym is mapped twice'],
  [{ sym: '' }, 'column sym is mapped to nothing'],
  [{ sym: "'" }, "the quote in ' is not closed"],
  [{ 'a b': 'c' }, '"a b" can\'t be a table\'s column'],
])('the mapping %o is refused', (columns, message) => {
  expect(() => parseColumnMapping(columns)).toThrow(message);
});

test('any column of a file gets a name that a table can have', () => {
  expect(['price', 'last price', '1st', '°C ', ''].map(tableColumnName)).toStrictEqual(['price', 'last_price', 'c1st', 'c_C', 'c']);
});
