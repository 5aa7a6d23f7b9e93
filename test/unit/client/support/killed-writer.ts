// A process of its own for the output's tests: writes numbered lines to its standard output with a state directory.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../../src/app/system.ts';
import { outputPlace } from '../../../../src/client/output-recovery.ts';
import { PositionLog } from '../../../../src/client/position-log.ts';
import { openStateDirectory } from '../../../../src/client/state-directory.ts';

/** `die`: killed in its second batch. `go`, `long`: writes on to the end, in small or large batches. */
export type WriterMode = 'die' | 'go' | 'long';

const [mode = '', directory = '', argument = ''] = process.argv.slice(2);

function batch(first: number, count: number): string {
  return Array.from({ length: count }, (_, index) => `line ${first + index}\n`).join('');
}

if (mode === 'die') {
  // Writes the first batch whole, and of the second so many bytes; then it is killed.
  const state = openStateDirectory({ directory, outputFd: 1 });
  await state.output(1, systemClock).write(Buffer.from(batch(1, 3)), [{ table: 't', epoch: 1, sym: 'S', seq: 3 }]);
  await state[Symbol.asyncDispose]();
  const log = PositionLog.open(join(directory, 'positions'));
  const bytes = Buffer.from(batch(4, 3));
  log.begin({ positions: { t: { epoch: 1, seqs: { S: 6 } } }, headed: false, place: outputPlace(1), bytes });
  writeSync(1, bytes, 0, Math.round(bytes.length * Number(argument)));
  process.kill(process.pid, 'SIGKILL');
} else {
  // Writes on from where the state is, batch after batch, up to a line.
  const state = openStateDirectory({ directory, outputFd: 1 });
  process.stderr.write(`${state.recovered ?? 'clean'}\n`);
  const output = state.output(1, systemClock);
  const last = Number(argument);
  for (;;) {
    const next = (state.positions().seq('t', 'S') ?? 0) + 1;
    if (next > last) break;
    const count = Math.min(mode === 'long' ? 4000 : 3, last - next + 1);
    await output.write(Buffer.from(batch(next, count)), [{ table: 't', epoch: 1, sym: 'S', seq: next + count - 1 }]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await state[Symbol.asyncDispose]();
}
