import { expect, test } from 'vitest';
import { countsOf, type RunOutcome, sumCounts } from '../../contract/cli/outcome.ts';
import { asJson, closingLine, failures } from '../../contract/cli/report.ts';
import { table } from '../../contract/cli/table.ts';
import { everywhere } from '../../contract/targets/target.ts';

const lnd: RunOutcome = {
  run: { name: 'lnd', roles: everywhere('lnd'), cases: { 'lightning-backend': ['a: one', 'a: two', 'a: three', 'a: four'] } },
  results: {
    'lightning-backend': [
      { title: 'a: one', result: 'passed', ms: 1 },
      { title: 'a: two', result: 'failed', ms: 2, error: new Error('it is broken', { cause: new Error('the wire') }) },
      { title: 'a: three', result: 'not-applicable', because: { role: 'payee', capability: 'holdInvoices', has: true } },
    ],
  },
};
const away: RunOutcome = {
  run: { name: 'cln', roles: everywhere('cln'), cases: { 'lightning-backend': ['a: one', 'a: two'] } },
  results: {},
  error: new Error('native has no cln: not installed'),
};

test('a case that was planned and did not run has failed', () => {
  expect(countsOf(lnd)).toEqual({ passed: 1, failed: 2, notApplicable: 1 });
  expect(countsOf(away)).toEqual({ passed: 0, failed: 2, notApplicable: 0 });
  expect(sumCounts([lnd, away], 1)).toEqual({ passed: 1, failed: 5, notApplicable: 1 });
  expect(closingLine(sumCounts([lnd, away], 1))).toBe('1 passed, 5 failed');
});

test('the table has a row a case and a column a run, and the capability that took a case out', () => {
  const lines = table([lnd, away]).split('\n');
  const row = (start: string): readonly string[] | undefined =>
    lines
      .find((line) => line.trim().startsWith(start))
      ?.trim()
      .split(/ {2,}/);
  expect(lines[0]?.trim().split(/ +/)).toEqual(['lnd', 'cln']);
  expect(row('a: one')).toEqual(['a: one', 'passed', 'NOT RUN']);
  expect(row('a: two')).toEqual(['a: two', 'FAILED', 'NOT RUN']);
  expect(row('a: three')).toEqual(['a: three', 'n/a 1']);
  expect(row('a: four')).toEqual(['a: four', 'NOT RUN']);
  expect(row('passed')).toEqual(['passed', '1', '0']);
  expect(row('failed')).toEqual(['failed', '2', '2']);
  expect(lines.at(-1)).toBe('n/a 1: the payee has no holdInvoices');
});

test('failures are told with message, cause and place, and a network that could not be had with its reason', () => {
  const text = failures([lnd, away], ['cases.json is short']);
  expect(text).toContain('lnd: a: two\n  it is broken\n  caused by: the wire\n  at ');
  expect(text).toContain('cln: no case ran, for the network could not be had\n  native has no cln: not installed');
  expect(text).toContain('cases.json is short');
  expect(failures([{ ...away, run: { ...away.run, cases: {} }, error: undefined } as never], [])).toBe('');
});

test('as JSON every planned case has its result', () => {
  const parsed = JSON.parse(asJson('native', [lnd, away], [], sumCounts([lnd, away], 0))) as {
    readonly failed: number;
    readonly runs: readonly { readonly error?: string; readonly suites: Record<string, readonly { readonly result: string }[]> }[];
  };
  expect(parsed.failed).toBe(4);
  expect(parsed.runs[0]?.suites['lightning-backend']?.map(({ result }) => result)).toEqual([
    'passed',
    'failed',
    'not-applicable',
    'not-run',
  ]);
  expect(parsed.runs[1]?.error).toBe('native has no cln: not installed');
});
