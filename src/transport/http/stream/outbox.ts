import type { ServerResponse } from 'node:http';
import type { Flushable, Turn, Wrapping } from '../../shared/turn.ts';

/** A turn that goes on for long writes before it is over, from so many bytes on. */
const EARLY_FLUSH_BYTES = 256 * 1024;

const CRLF = Buffer.from('\r\n');
/** RFC 9112, 7.1. Made here, chunks are one write each and the same bytes for all who take the same; Node's own are three, for each anew. */
const CHUNK: Wrapping = { head: (bytes) => Buffer.from(`${bytes.toString(16)}\r\n`), tail: CRLF };

/** What a stream's outbox needs. */
export interface StreamOutboxOptions {
  /** Its head has been sent before anything is written here. */
  readonly response: ServerResponse;
  readonly turn: Turn;
  /** Most bytes that wait here and in the socket together; one more message may go over, where nothing else waits. */
  readonly maxBufferedBytes: number;
  /** The limit was exceeded; to be answered with {@link StreamOutbox.end}. */
  readonly onOverflow: () => void;
}

/** All that goes down one stream, in order, written once per turn, in bounded memory. */
export class StreamOutbox implements Flushable {
  readonly #options: StreamOutboxOptions;
  #queue: Uint8Array[] = [];
  #gathered = 0;
  /** Among those that are written to at the turn's end; and there among the first. */
  #inTurn = false;
  #isFirst = false;
  #isEnding = false;
  #isOver = false;
  #isActive = false;
  /** A write has failed: what was in it did not leave, and nothing after it will. */
  #isBroken = false;
  #waiters: (() => void)[] = [];
  #leaving: (() => void)[] = [];

  constructor(options: StreamOutboxOptions) {
    this.#options = options;
  }

  /** Bytes that wait: gathered here, and in the socket. */
  get waitingBytes(): number {
    return this.#gathered + this.#options.response.writableLength;
  }

  /** Half of what may wait is waiting: live rows should stop coming. (The other half is for what has to be said, and for replays.) */
  get isFull(): boolean {
    return this.waitingBytes >= this.#options.maxBufferedBytes / 2;
  }

  /** Nothing is taken any more. */
  get closed(): boolean {
    return this.#isEnding || this.#isOver;
  }

  /** Adds a message; after the end it is dropped. */
  push(message: Uint8Array): void {
    this.#admit(message, false);
  }

  /** The same with rows, which others' messages go before. */
  pushRows(rows: Uint8Array): void {
    this.#admit(rows, true);
  }

  #admit(message: Uint8Array, isRows: boolean): void {
    if (this.closed) return;
    if (this.#gathered >= EARLY_FLUSH_BYTES) this.#write();
    const waiting = this.waitingBytes;
    if (waiting > 0 && waiting + message.length > this.#options.maxBufferedBytes) {
      this.#options.onOverflow();
      return;
    }
    this.#add(message, isRows);
  }

  /** Resolves when less than half of what may wait is waiting, or the stream is gone. */
  drained(): Promise<void> {
    if (this.closed || !this.isFull) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Calls back once all that was pushed until now has left for the buyer's machine; never where the stream ends before. */
  whenLeft(callback: () => void): void {
    if (this.#isOver || this.#isBroken) return;
    if (this.waitingBytes === 0) callback();
    else {
      this.#leaving.push(callback);
      this.#schedule(false);
    }
  }

  /** Whether anything was sent since the last call. */
  takeActivity(): boolean {
    const active = this.#isActive;
    this.#isActive = false;
    return active;
  }

  /** Sends what there is, then a last message, then the end. */
  end(last?: Uint8Array): void {
    if (this.closed) return;
    if (last !== undefined) this.#add(last, false);
    this.#isEnding = true;
    this.#wake();
    this.#schedule(false);
  }

  flush(): void {
    this.#inTurn = false;
    this.#isFirst = false;
    if (this.#isOver) return;
    this.#write();
    if (!this.#isEnding) return;
    this.#isOver = true;
    this.#options.response.end();
  }

  /** The connection is gone: lets go of everything. */
  gone(): void {
    this.#isOver = true;
    this.#queue = [];
    this.#leaving = [];
    this.#gathered = 0;
    this.#wake();
  }

  #add(message: Uint8Array, isRows: boolean): void {
    this.#queue.push(message);
    this.#gathered += message.length;
    this.#isActive = true;
    this.#schedule(isRows);
  }

  /** Rows have their turn; whatever else there is to say is said first, with the rows before it. */
  #schedule(isRows: boolean): void {
    if (this.#isFirst || (isRows && this.#inTurn)) return;
    this.#inTurn = true;
    this.#isFirst = !isRows;
    if (isRows) this.#options.turn.add(this);
    else this.#options.turn.addFirst(this);
  }

  #write(): void {
    const messages = this.#queue;
    const leaving = this.#leaving;
    this.#queue = [];
    this.#leaving = [];
    this.#gathered = 0;
    const { response, turn } = this.#options;
    if (messages.length === 0 && leaving.length === 0) return;
    const written = (error?: Error | null) => {
      if (error !== undefined && error !== null) this.#isBroken = true;
      else for (const callback of leaving) callback();
      if (this.#waiters.length > 0 && !this.isFull) this.#wake();
    };
    const { socket } = response;
    const chunk = messages.length > 0 && response.chunkedEncoding && socket !== null ? turn.join(messages, CHUNK) : undefined;
    if (chunk !== undefined && socket !== null) socket.write(chunk, written);
    else response.write(Buffer.concat(messages), written);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
