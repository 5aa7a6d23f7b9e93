import { expect, test } from 'vitest';
import { journalConfigSchema, journalOptions } from '../../../src/storage/journal/config.ts';
import { ledgerConfigSchema } from '../../../src/storage/ledger/config.ts';

test('what is left out of a config has its usual place', () => {
  expect(ledgerConfigSchema.parse({ kind: 'sqlite' })).toEqual({ kind: 'sqlite', path: 'data/ledger.db' });
  expect(journalConfigSchema.parse({})).toEqual({ dir: 'data/journal' });
  expect(journalOptions(journalConfigSchema.parse({}))).toEqual({ dir: 'data/journal' });
});

test('a journal config becomes options in bytes', () => {
  const config = journalConfigSchema.parse({ dir: 'j', segmentMb: 2, fsync: { intervalMs: 5 }, keepDays: 3 });
  expect(journalOptions(config)).toEqual({ dir: 'j', segmentBytes: 2_097_152, fsync: { intervalMs: 5 }, keepDays: 3 });
});

test.each([
  [ledgerConfigSchema, { kind: 'postgres' }],
  [ledgerConfigSchema, { kind: 'sqlite', path: '' }],
  [ledgerConfigSchema, { kind: 'sqlite', file: 'x' }],
  [journalConfigSchema, { fsync: 'sometimes' }],
  [journalConfigSchema, { segmentMb: 0 }],
  [journalConfigSchema, { keepDays: 0.5 }],
  [journalConfigSchema, { keepDay: 3 }],
])('a config that can not be meant is refused', (schema, config) => {
  expect(schema.safeParse(config).success).toBe(false);
});
