import type { Socket } from 'node:net';
import type { Clock } from '../../core/ports/clock.ts';
import { Departures } from '../shared/departures.ts';
import type { Flushable, Turn } from '../shared/turn.ts';
import type { SymbolPosition } from './symbol-position.ts';

/** A turn that goes on for long (a file replayed at full speed) writes before it is over, from so many bytes on. */
const EARLY_FLUSH_BYTES = 256 * 1024;

/** What an outbox needs. */
export interface OutboxOptions {
  readonly socket: Socket;
  readonly turn: Turn;
  readonly clock: Clock;
  /** Most bytes that wait here and in the socket together; one more message may go over, where nothing else waits. */
  readonly maxBufferedBytes: number;
  /** The limit was exceeded. */
  readonly onOverflow: () => void;
}

/** All that goes to one connection, in order, written once per turn, in bounded memory. */
export class Outbox implements Flushable {
  readonly #options: OutboxOptions;
  #queue: Uint8Array[] = [];
  /** Symbols of which something is in the queue. */
  #touched: SymbolPosition[] = [];
  /** Messages that wait for the answer that tells the client of their symbols. */
  #held: { readonly bytes: Uint8Array; readonly position: SymbolPosition }[] = [];
  /** Bytes in both. */
  #gathered = 0;
  /** Among those that are written to at the turn's end; and there among the first. */
  #inTurn = false;
  #isFirst = false;
  #over = false;
  #waiters: (() => void)[] = [];
  readonly #departures = new Departures();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Bytes that wait: gathered here, and in the socket. */
  get waitingBytes(): number {
    return this.#gathered + this.#options.socket.writableLength;
  }

  /** Half of what may wait is waiting: live rows should stop coming. */
  get isFull(): boolean {
    return !this.#hasRoom();
  }

  /** Nothing is taken any more. */
  get closed(): boolean {
    return this.#over;
  }

  /** Adds a message (with a symbol's position: rows of it); after the end it is dropped. What was pushed of the symbol is noted there once the machine has taken it. */
  push(bytes: Uint8Array, position?: SymbolPosition): void {
    if (!this.#admit(bytes)) return;
    if (this.#held.length > 0) this.#departures.overtaken();
    this.#queue.push(bytes);
    if (position !== undefined) this.#touch(position);
    this.#schedule(position !== undefined);
  }

  /** Keeps a message until {@link release}; to be called for all of a symbol until then. */
  hold(bytes: Uint8Array, position: SymbolPosition): void {
    if (this.#admit(bytes)) this.#held.push({ bytes, position });
  }

  /** Adds what was held back. */
  release(): void {
    if (this.#held.length === 0) return;
    for (const { bytes, position } of this.#held) {
      this.#queue.push(bytes);
      this.#touch(position);
    }
    this.#held = [];
    this.#schedule(false);
  }

  /** Resolves when less than half of what may wait is waiting, or the connection is gone. */
  drained(): Promise<void> {
    if (this.#over || this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Calls back once when all that was added until now has left for the client's machine; never where the connection ends before. */
  whenLeft(callback: () => void): void {
    if (!this.#over) this.#departures.whenLeft(callback);
  }

  /** Writes what there is, without waiting for the turn's end. */
  flush(): void {
    this.#inTurn = false;
    this.#isFirst = false;
    this.#writeOut();
  }

  /** Writes what there is and ends the connection in order. */
  end(): void {
    if (this.#over) return;
    this.release();
    this.#writeOut();
    this.gone();
    this.#options.socket.end();
  }

  /** The connection is gone: lets go of everything. */
  gone(): void {
    this.#over = true;
    this.#queue = [];
    this.#touched = [];
    this.#held = [];
    this.#gathered = 0;
    this.#departures.gone();
    this.#wake();
  }

  #writeOut(): void {
    if (this.#over || this.#queue.length === 0) return;
    const { socket, turn, clock } = this.#options;
    const messages = this.#queue;
    const marks = this.#touched.map((position) => {
      position.isQueued = false;
      return { position, seq: position.pushed };
    });
    this.#queue = [];
    this.#touched = [];
    this.#gathered = 0;
    for (const { bytes } of this.#held) this.#gathered += bytes.length;
    this.#departures.writing(messages.length, 1);
    const written = (error?: Error | null) => {
      this.#departures.done(error);
      if (marks.length > 0 && (error === undefined || error === null)) {
        const now = clock.now();
        for (const { position, seq } of marks) position.drained(seq, now);
      }
      if (this.#waiters.length > 0 && this.#hasRoom()) this.#wake();
    };
    const joined = messages.length === 1 ? messages[0] : turn.join(messages);
    if (joined !== undefined) {
      socket.write(joined, written);
      return;
    }
    socket.cork();
    for (const bytes of messages.slice(0, -1)) socket.write(bytes);
    socket.write(messages.at(-1) as Uint8Array, written);
    socket.uncork();
  }

  #touch(position: SymbolPosition): void {
    if (position.isQueued) return;
    position.isQueued = true;
    this.#touched.push(position);
  }

  #admit(bytes: Uint8Array): boolean {
    if (this.#over) return false;
    if (this.#gathered >= EARLY_FLUSH_BYTES && this.#held.length === 0) this.#writeOut();
    const waiting = this.waitingBytes;
    if (waiting > 0 && waiting + bytes.length > this.#options.maxBufferedBytes) {
      this.#options.onOverflow();
      return false;
    }
    this.#gathered += bytes.length;
    this.#departures.admitted();
    return true;
  }

  /** Rows have their turn; whatever else there is to say is said first, with the rows before it. */
  #schedule(isRows: boolean): void {
    if (this.#isFirst || (isRows && this.#inTurn)) return;
    this.#inTurn = true;
    this.#isFirst = !isRows;
    if (isRows) this.#options.turn.add(this);
    else this.#options.turn.addFirst(this);
  }

  #hasRoom(): boolean {
    return this.waitingBytes < this.#options.maxBufferedBytes / 2;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
