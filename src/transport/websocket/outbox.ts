import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { Departures } from '../shared/departures.ts';
import type { Flushable, Turn } from '../shared/turn.ts';
import { payloadOf } from './frames.ts';

/** A turn that goes on for long (a file replayed at full speed) writes before it is over, from so many bytes on. */
const EARLY_FLUSH_BYTES = 256 * 1024;

/** A frame that is held back until something else has been sent; `ready` undefined: it only stands behind one that is. */
interface Held {
  readonly frame: Uint8Array;
  readonly ready: (() => boolean) | undefined;
}

/** What an outbox needs. */
export interface OutboxOptions {
  readonly webSocket: WebSocket;
  /** The socket under it. */
  readonly socket: Duplex;
  readonly turn: Turn;
  /** Most bytes that wait here, in `ws` and in the socket together; one more message may go over, where nothing else waits. */
  readonly maxBufferedBytes: number;
  /** The limit was exceeded; to be answered with {@link Outbox.end}. */
  readonly onOverflow: () => void;
  /** The close has been sent: nothing more can be said. */
  readonly onEnded: () => void;
}

/**
 * All that goes to one connection, in order, written once per turn, in bounded memory.
 *
 * Frames are written to the socket under `ws`. That is safe where no compression was negotiated, since `ws` then writes its
 * own frames (ping, pong, close) whole and at once, and no message of ours is ever in fragments. With compression they go
 * through `ws`.
 */
export class Outbox implements Flushable {
  readonly #options: OutboxOptions;
  readonly #compressed: boolean;
  #queue: Uint8Array[] = [];
  #held: Held[] = [];
  readonly #most: number;
  /** Bytes in both. */
  #gathered = 0;
  /** Bytes that `ws` and the socket still had after the last write: since then they can only have become fewer. */
  #unsent = 0;
  /** Among those that are written to at the turn's end; and there among the first. */
  #inTurn = false;
  #isFirst = false;
  #active = false;
  #ending: { readonly code: number; readonly reason: string } | undefined;
  #over = false;
  #waiters: (() => void)[] = [];
  readonly #departures = new Departures();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#most = options.maxBufferedBytes;
    this.#compressed = options.webSocket.extensions !== '';
  }

  /** Bytes that wait: gathered here, in `ws`, and in the socket. */
  get waitingBytes(): number {
    return this.#gathered + this.#options.webSocket.bufferedAmount;
  }

  /** Half of what may wait is waiting: live rows should stop coming. (The other half is for what has to be said, and for replays.) */
  get isFull(): boolean {
    return !this.#hasRoom();
  }

  /** Nothing is taken any more. */
  get closed(): boolean {
    return this.#ending !== undefined || this.#over;
  }

  /** Adds a frame; after the end it is dropped. */
  push(frame: Uint8Array): void {
    this.#add(frame, undefined, false);
  }

  /** The same; while `ready` says no, it is held back, and all that comes after it. {@link release} asks again. */
  pushWhen(frame: Uint8Array, ready: (() => boolean) | undefined): void {
    this.#add(frame, ready, false);
  }

  /** The same with rows, which what others are told goes before. */
  pushRows(frame: Uint8Array, ready: (() => boolean) | undefined): void {
    this.#add(frame, ready, true);
  }

  /** Adds a frame before all that is held back; while `ready` says no, it is the first of them. */
  pushAhead(frame: Uint8Array, ready?: () => boolean): void {
    if (!this.#admit(frame)) return;
    if (this.#held.length > 0) this.#departures.overtaken();
    if (ready?.() === false) this.#held.unshift({ frame, ready });
    else this.#queue.push(frame);
    this.#schedule(false);
  }

  /** Lets go what was held back and need not be any more. */
  release(): void {
    const stop = this.#held.findIndex(({ ready }) => ready?.() === false);
    const free = this.#held.splice(0, stop === -1 ? this.#held.length : stop);
    for (const { frame } of free) this.#queue.push(frame);
    if (free.length > 0) this.#schedule(false);
  }

  /** Resolves when less than half of what may wait is waiting, or the connection is gone. */
  drained(): Promise<void> {
    if (this.closed || this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Calls back once when all that was added until now has left for the buyer's machine; never where the connection ends before. */
  whenLeft(callback: () => void): void {
    if (!this.#over) this.#departures.whenLeft(callback);
  }

  /** Whether anything was sent since the last call. */
  takeActivity(): boolean {
    const active = this.#active;
    this.#active = false;
    return active;
  }

  /** Sends what there is, then a last frame, then the close (RFC 6455, 7.4; the reason at most 123 bytes). */
  end(code: number, reason: string, last?: Uint8Array): void {
    if (this.closed) return;
    for (const { frame } of this.#held.splice(0)) this.#queue.push(frame);
    if (last !== undefined) {
      this.#queue.push(last);
      this.#departures.admitted();
    }
    this.#ending = { code, reason };
    this.#wake();
    this.#schedule(false);
  }

  /** Writes what there is, without waiting for the turn's end. */
  flush(): void {
    this.#inTurn = false;
    this.#isFirst = false;
    this.#writeOut();
  }

  /** The connection is gone: lets go of everything. */
  gone(): void {
    this.#over = true;
    this.#queue = [];
    this.#held = [];
    this.#gathered = 0;
    this.#departures.gone();
    this.#wake();
  }

  #writeOut(): void {
    if (this.#over) return;
    const frames = this.#queue;
    this.#queue = [];
    this.#gathered = 0;
    for (const { frame } of this.#held) this.#gathered += frame.length;
    if (frames.length > 0 && this.#options.webSocket.readyState === WebSocket.OPEN) this.#write(frames);
    this.#unsent = this.#options.webSocket.bufferedAmount;
    if (this.#ending === undefined) return;
    this.#over = true;
    this.#options.webSocket.close(this.#ending.code, this.#ending.reason);
    this.#options.onEnded();
  }

  #add(frame: Uint8Array, ready: (() => boolean) | undefined, isRows: boolean): void {
    if (!this.#admit(frame)) return;
    if (this.#held.length > 0 || ready?.() === false) this.#held.push({ frame, ready });
    else this.#queue.push(frame);
    this.#schedule(isRows);
  }

  #admit(frame: Uint8Array): boolean {
    if (this.closed) return false;
    if (this.#gathered >= EARLY_FLUSH_BYTES && this.#held.length === 0) this.#writeOut();
    if (this.#gathered + this.#unsent + frame.length > this.#most) {
      const waiting = this.waitingBytes;
      if (waiting > 0 && waiting + frame.length > this.#most) {
        this.#options.onOverflow();
        return false;
      }
    }
    this.#gathered += frame.length;
    this.#active = true;
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

  #write(frames: readonly Uint8Array[]): void {
    const { socket, webSocket, turn } = this.#options;
    const [first] = frames;
    if (this.#compressed) {
      this.#departures.writing(frames.length, frames.length);
      for (const frame of frames) webSocket.send(payloadOf(frame), { binary: false }, this.#written);
      return;
    }
    const joined = frames.length === 1 ? first : turn.join(frames);
    this.#departures.writing(frames.length, joined === undefined ? frames.length : 1);
    if (joined !== undefined) {
      socket.write(joined, this.#written);
      return;
    }
    socket.cork();
    for (const frame of frames) socket.write(frame, this.#written);
    socket.uncork();
  }

  #hasRoom(): boolean {
    const half = this.#most / 2;
    return this.#gathered + this.#unsent < half || this.waitingBytes < half;
  }

  readonly #written = (error?: Error | null): void => {
    this.#departures.done(error);
    if (this.#waiters.length > 0 && this.#hasRoom()) this.#wake();
  };

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
