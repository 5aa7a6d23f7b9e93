import { expect, test } from 'vitest';
import { casesInCode, differences, readCaseList } from '../../contract/cli/case-list.ts';

test('the list of cases in the tree is that of the code (npm run contract -- --write-list writes it)', () => {
  expect(differences(readCaseList())).toEqual([]);
});

test('a case that is gone, one that is new and one that is there twice are each told', () => {
  const code = { one: ['a', 'b'], two: ['x'] };
  expect(differences({ one: ['a', 'b'], two: ['x'] }, code)).toEqual([]);
  expect(differences({ one: ['a', 'b', 'c'], two: ['x'] }, code)).toEqual(['one: listed, but there is no such case: c']);
  expect(differences({ one: ['a'], two: ['x'] }, code)).toEqual(['one: not listed in cases.json: b']);
  expect(differences({ one: ['a', 'b'] }, code)).toEqual(['two: not listed in cases.json: x']);
  expect(differences({ one: ['a', 'b', 'b'], two: ['x'] }, code)).toEqual(['one: listed twice: b']);
  expect(differences(code, { one: ['a', 'b', 'b'], two: ['x'] })).toEqual(['one: two cases of one title: b']);
});

test('titles are unique over the suites, so that a table can name them', () => {
  const titles = Object.values(casesInCode()).flat();
  expect(new Set(titles).size).toBe(titles.length);
});
