import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('every package that we depend on has its one reason in docs/dependencies.md, and no other is there', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const [run = '', develop = ''] = read('docs/dependencies.md').split('## To develop');
  const named = (text: string): string[] => [...text.matchAll(/^\| `([^`]+)` \| .{10,} \|$/gm)].map((match) => match[1] ?? '');
  expect(named(run)).toStrictEqual(Object.keys(dependencies ?? {}).sort());
  expect(named(develop)).toStrictEqual(Object.keys(devDependencies ?? {}).sort());
});
