import { silentLogger } from '../../../../src/core/ports/logger.ts';
import { openJournal } from '../../../../src/storage/journal/open-journal.ts';
import { TestClock } from './clock.ts';
import { rows } from './journal.ts';

// Appends until it is killed; says what it begins with and each number that is recorded.
const [dir = '', count = '3'] = process.argv.slice(2);
const journal = await openJournal({ dir, clock: new TestClock(), logger: silentLogger, fsync: 'never', segmentBytes: 200_000 });
process.stdout.write(`epoch ${journal.epoch} ${journal.recovery.continued} ${journal.recovery.cutBytes}\n`);
let seq = (journal.lastSeqs.get('trade')?.get('AAPL') ?? 0) + 1;
for (;;) {
  journal.append([rows('trade', 'AAPL', journal.epoch, seq, Number(count)), rows('trade', 'GOOG', journal.epoch, seq, Number(count))]);
  seq += Number(count);
  process.stdout.write(`last ${seq - 1}\n`);
  await new Promise((resolve) => setImmediate(resolve));
}
