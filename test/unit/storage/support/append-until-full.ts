import { silentLogger } from '../../../../src/core/ports/logger.ts';
import { openJournal } from '../../../../src/storage/journal/open-journal.ts';
import { TestClock } from './clock.ts';
import { rows } from './journal.ts';

// Appends until there is no more room, then a smaller record that still fits; says how it went.
const journal = await openJournal({ dir: process.argv[2] ?? '', clock: new TestClock(), logger: silentLogger, fsync: 'never' });
let seq = 1;
let code: unknown;
while (code === undefined) {
  try {
    journal.append([
      rows('trade', 'AAPL', journal.epoch, seq, 1, 'x'.repeat(9000)),
      rows('trade', 'GOOG', journal.epoch, seq, 1, 'x'.repeat(9000)),
    ]);
    seq += 1;
  } catch (error) {
    code = (error as { code?: unknown }).code ?? error;
  }
}
process.stdout.write(`refused ${String(code)} after ${seq - 1}\n`);
journal.append([rows('trade', 'AAPL', journal.epoch, seq, 1, 'small')]);
process.stdout.write(
  `then ${journal.readSync({ table: 'trade', after: new Map([['AAPL', 0]]) }, { segment: 1, offset: 0 }).records.length}\n`,
);
await journal[Symbol.asyncDispose]();
