import { Buffer } from 'node:buffer';
import { KdbCodecError } from './errors.ts';
import { HEADER_BYTES, readHeader } from './message.ts';

/**
 * Cuts a stream of bytes into messages. A length over the limit is refused at the header, before anything of it is kept; what is
 * kept is what has come.
 */
export class Framing {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #wanted = HEADER_BYTES;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes bytes. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next whole message; undefined where it is not there yet. @throws KdbCodecError `HEADER`, `TOO_LARGE`: the stream can't be read on. */
  next(): Uint8Array | undefined {
    if (this.#bytes < this.#wanted) return undefined;
    if (this.#wanted === HEADER_BYTES) {
      const { length } = readHeader(this.#joined().subarray(0, HEADER_BYTES));
      if (length > this.#maxBytes) throw new KdbCodecError('TOO_LARGE', `a message has at most ${this.#maxBytes} bytes`);
      this.#wanted = length;
      if (this.#bytes < length) return undefined;
    }
    const bytes = this.#joined();
    const message = bytes.subarray(0, this.#wanted);
    const rest = bytes.subarray(this.#wanted);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    this.#wanted = HEADER_BYTES;
    return message;
  }

  #joined(): Uint8Array {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first !== undefined) return first;
    const joined = Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [joined];
    return joined;
  }
}
