import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Outbox } from '../../../src/transport/kdb/outbox.ts';
import { SymbolPosition } from '../../../src/transport/kdb/symbol-position.ts';
import { Turn } from '../../../src/transport/shared/turn.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A socket whose other side reads when it is told to. */
function make(maxBufferedBytes = 1_000) {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _, callback) {
      taken.push(chunk.toString());
      waiting.push(callback);
    },
  });
  let overflows = 0;
  const clock = new ManualClock();
  const outbox = new Outbox({
    socket: socket as unknown as Socket,
    turn: new Turn(),
    clock,
    maxBufferedBytes,
    onOverflow: () => {
      overflows += 1;
    },
  });
  const read = async () => {
    for (let callback = waiting.shift(); callback !== undefined; callback = waiting.shift()) {
      callback();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { outbox, taken, read, clock, overflows: () => overflows };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const bytes = (text: string) => Buffer.from(text);

test('what is held back waits for the answer, in its order', async () => {
  const { outbox, taken, read } = make();
  const position = new SymbolPosition('trade', 'AAPL', 1);
  outbox.hold(bytes('row 1,'), position);
  outbox.hold(bytes('row 2,'), position);
  outbox.push(bytes('answer,'));
  await turn();
  await read();
  expect(taken).toEqual(['answer,']);
  outbox.release();
  outbox.push(bytes('row 3,'));
  await turn();
  await read();
  expect(taken).toEqual(['answer,', 'row 1,row 2,row 3,']);
});

test('it is full at half of what may wait, says when there is room again, and takes no more than may wait', async () => {
  const { outbox, read, overflows } = make();
  outbox.push(Buffer.alloc(499));
  expect(outbox.isFull).toBe(false);
  outbox.push(Buffer.alloc(1));
  expect(outbox.isFull).toBe(true);
  const room = outbox.drained();
  outbox.push(Buffer.alloc(500));
  expect(overflows()).toBe(0);
  outbox.push(Buffer.alloc(1));
  expect([overflows(), outbox.waitingBytes]).toEqual([1, 1_000]);
  await turn();
  await read();
  await room;
  expect(outbox.isFull).toBe(false);
});

test('one message may be larger than what may wait, where nothing else waits', async () => {
  const { outbox, taken, overflows } = make();
  outbox.push(Buffer.alloc(5_000));
  await turn();
  expect([taken.length, overflows()]).toEqual([1, 0]);
});

test('what has left is said once it has, and noted at its symbol', async () => {
  const { outbox, read, clock } = make();
  const position = new SymbolPosition('trade', 'AAPL', 1);
  const other = new SymbolPosition('trade', 'MSFT', 1);
  const left: string[] = [];
  position.pushed = 7;
  outbox.push(bytes('row'), position);
  outbox.whenLeft(() => left.push('first'));
  other.pushed = 8;
  outbox.hold(bytes('row'), other);
  outbox.whenLeft(() => left.push('second'));
  await turn();
  expect(left).toEqual([]);
  await read();
  expect(left).toEqual(['first']);
  clock.advance(10_000);
  expect([position.received('closed', clock.now()), other.received('closed', clock.now())]).toEqual([7, undefined]);
  outbox.release();
  await turn();
  await read();
  expect(left).toEqual(['first', 'second']);
});

test('nothing leaves and nobody waits for ever once the connection is gone', async () => {
  const { outbox, taken } = make();
  outbox.push(Buffer.alloc(900));
  const room = outbox.drained();
  let left = false;
  outbox.whenLeft(() => {
    left = true;
  });
  outbox.gone();
  await room;
  outbox.push(bytes('more'));
  await turn();
  expect([taken, left, outbox.closed]).toEqual([[], false, true]);
});
