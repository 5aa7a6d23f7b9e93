import { expect, test } from 'vitest';
import { parseOptions } from '../../contract/cli/options.ts';
import { type PlannedRun, planRuns } from '../../contract/cli/plan.ts';
import { SUITES } from '../../contract/run.ts';

const KINDS = ['lnd', 'cln', 'eclair'];

function plan(...words: readonly string[]): readonly PlannedRun[] {
  const options = parseOptions(['node', 'contract', '--network', 'emulated', ...words]);
  return options === 'write-list' ? [] : planRuns(options, KINDS);
}

test('a backend alone is tried with both suites, in every role', () => {
  const [run, ...more] = plan('--backend', 'cln');
  expect(more).toEqual([]);
  expect(run?.roles).toEqual({ payer: 'cln', middle: 'cln', payee: 'cln' });
  expect(run?.cases['lightning-backend']).toHaveLength(SUITES['lightning-backend'].length);
  expect(run?.cases['tickerplant-flow']).toHaveLength(SUITES['tickerplant-flow'].length);
});

test('without a backend each of the network is tried, then every two of them both ways with the third between', () => {
  const runs = plan();
  expect(runs.map(({ name }) => name)).toEqual([
    'lnd',
    'cln',
    'eclair',
    'lnd → eclair → cln',
    'lnd → cln → eclair',
    'cln → eclair → lnd',
    'cln → lnd → eclair',
    'eclair → cln → lnd',
    'eclair → lnd → cln',
  ]);
  for (const { cases } of runs.slice(3)) {
    expect(cases['tickerplant-flow']).toHaveLength(SUITES['tickerplant-flow'].length);
    expect(cases['lightning-backend']?.length).toBeGreaterThan(15);
    expect(cases['lightning-backend']?.every((title) => title.startsWith('payments:'))).toBe(true);
  }
});

test('each role can be chosen by itself', () => {
  expect(plan('--payer', 'lnd', '--payee', 'cln')[0]?.roles).toEqual({ payer: 'lnd', middle: 'lnd', payee: 'cln' });
  expect(plan('--backend', 'eclair', '--middle', 'lnd')[0]?.roles).toEqual({ payer: 'eclair', middle: 'lnd', payee: 'eclair' });
});

test('a suite or a text leaves out the rest, whole runs too', () => {
  expect(Object.keys(plan('--backend', 'lnd', '--suite', 'tickerplant-flow')[0]?.cases ?? {})).toEqual(['tickerplant-flow']);
  const wallet = plan('--only', 'WALLET:');
  expect(wallet.map(({ name }) => name)).toEqual(['lnd', 'cln', 'eclair']);
  expect(wallet[0]?.cases['lightning-backend']?.every((title) => title.startsWith('wallet:'))).toBe(true);
  expect(plan('--only', 'no such title')).toEqual([]);
});
