import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { plainAddress } from '../../core/tickerplant/address.ts';

/** Counts the bytes of MQTT's packets as they come (MQTT 3.1.1, 2.2: one byte, then the length in up to four), whatever the chunks. */
export class PacketLengths {
  readonly #mostBytes: number;
  #state: 'type' | 'length' | 'body' = 'type';
  #left = 0;
  #lengthBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** False where a packet is, or can only be, larger than it may be; then nothing more of it is to be read. */
  take(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length; ) {
      if (this.#state === 'body') {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0) this.#state = 'type';
        continue;
      }
      const byte = chunk[at] as number;
      at += 1;
      if (this.#state === 'type') {
        this.#state = 'length';
        this.#left = 0;
        this.#lengthBytes = 0;
        continue;
      }
      this.#left += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes);
      this.#lengthBytes += 1;
      if (this.#left > this.#mostBytes || this.#lengthBytes > 4) return false;
      if (byte < 0x80) this.#state = this.#left === 0 ? 'type' : 'body';
    }
    return true;
  }
}

/** A socket whose packets are not larger than they may be: it ends before more of one is kept in memory. */
export class LimitedConnection extends Duplex {
  readonly address: string;
  readonly #socket: Socket;

  constructor(socket: Socket, mostBytes: number) {
    super();
    this.#socket = socket;
    this.address = plainAddress(socket.remoteAddress ?? 'unknown');
    const lengths = new PacketLengths(mostBytes);
    socket.on('data', (chunk: Buffer) => {
      if (!lengths.take(chunk)) this.destroy(new Error(`a packet of more than ${mostBytes} bytes`));
      else if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
