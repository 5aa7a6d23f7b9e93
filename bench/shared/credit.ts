import { type AddressInfo, createServer } from 'node:net';

/** See `struct credit` in native/common.h. */
const MESSAGE_BYTES = 16;

/** Publishes the rows of one turn; `first` is the number of the first, counted from 0. */
export type PublishTurn = (first: number, rows: number, stamped: boolean) => void;

/**
 * A publisher in this process: goes as far as the sink says, a turn of the event loop for each turn. Resolves with the port on which it
 * takes its orders.
 */
export function publishOnCredit(publish: PublishTurn): Promise<number> {
  let published = 0;
  let credit = 0;
  let rowsPerTurn = 1;
  let turnsPerSecond = 0;
  let running = false;
  let begin = 0;
  let begun = 0;
  const more = (): boolean => {
    running = published < credit;
    return running;
  };
  const asFastAsPossible = (): void => {
    publish(published, rowsPerTurn, false);
    published += rowsPerTurn;
    if (more()) setImmediate(asFastAsPossible);
  };
  /** Turns that are due, each in a turn of its own; then waits for the next. */
  const paced = (): void => {
    const due = begin + ((published - begun) / rowsPerTurn / turnsPerSecond) * 1_000;
    if (performance.now() < due) {
      setTimeout(paced, 1);
      return;
    }
    publish(published, rowsPerTurn, true);
    published += rowsPerTurn;
    if (more()) setImmediate(paced);
  };
  const take = (message: Buffer): void => {
    credit = Number(message.readBigUInt64LE(0));
    rowsPerTurn = message.readUInt32LE(8);
    turnsPerSecond = message.readUInt32LE(12);
    if (running || !more()) return;
    begin = performance.now();
    begun = published;
    setImmediate(turnsPerSecond > 0 ? paced : asFastAsPossible);
  };
  const server = createServer((socket) => {
    let rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
      while (rest.length >= MESSAGE_BYTES) {
        take(rest);
        rest = rest.subarray(MESSAGE_BYTES);
      }
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
