import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openJournal } from '../../../src/storage/journal/open-journal.ts';
import { TestClock } from './support/clock.ts';
import { TestFolder } from './support/folders.ts';

const open = (dir: string, highestEpoch?: number) =>
  openJournal({
    dir,
    clock: new TestClock(),
    logger: silentLogger,
    bootId: 'boot',
    ...(highestEpoch === undefined ? {} : { highestEpoch }),
  });

test('a journal that was deleted begins above every epoch that was ever used', async () => {
  using folder = new TestFolder();
  {
    await using journal = await open(folder.path);
    expect(journal.epoch).toBe(1);
  }
  rmSync(folder.path, { recursive: true });
  await using again = await open(folder.path, 1);
  expect(again.epoch).toBe(2);
  expect(again.recovery.continued).toBe(false);
});

test('the epoch goes on where it is the latest known, and not in a journal that was put back from before', async () => {
  using folder = new TestFolder();
  {
    await using journal = await open(folder.path, 4);
    expect(journal.epoch).toBe(5);
  }
  {
    await using journal = await open(folder.path, 5);
    expect(journal.epoch).toBe(5);
    expect(journal.recovery.continued).toBe(true);
  }
  await using journal = await open(folder.path, 6);
  expect(journal.epoch).toBe(7);
  expect(journal.recovery.continued).toBe(false);
});
