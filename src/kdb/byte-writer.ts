import { Buffer } from 'node:buffer';

const NULL_FLOAT_BITS = 0xfff8_0000_0000_0000n;
const NULL_REAL_BITS = 0xffc0_0000;

/** Gathers little-endian bytes in a buffer that grows. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  uint8(value: number): void {
    const at = this.#room(1);
    this.#buffer[at] = value;
  }

  int16(value: number): void {
    const at = this.#room(2);
    this.#buffer.writeInt16LE(value, at);
  }

  int32(value: number): void {
    const at = this.#room(4);
    this.#buffer.writeInt32LE(value, at);
  }

  uint32(value: number): void {
    const at = this.#room(4);
    this.#buffer.writeUInt32LE(value, at);
  }

  int64(value: bigint): void {
    const at = this.#room(8);
    this.#buffer.writeBigInt64LE(value, at);
  }

  /** NaN goes as kdb+ writes its null, so that what compares bits finds it. */
  float32(value: number): void {
    const at = this.#room(4);
    if (Number.isNaN(value)) this.#buffer.writeUInt32LE(NULL_REAL_BITS, at);
    else this.#buffer.writeFloatLE(value, at);
  }

  /** NaN goes as kdb+ writes its null, so that what compares bits finds it. */
  float64(value: number): void {
    const at = this.#room(8);
    if (Number.isNaN(value)) this.#buffer.writeBigUInt64LE(NULL_FLOAT_BITS, at);
    else this.#buffer.writeDoubleLE(value, at);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Text as UTF-8; answers how many bytes it took. */
  text(text: string): number {
    const at = this.#room(Buffer.byteLength(text));
    return this.#buffer.write(text, at);
  }

  /** Sets four bytes that were written before. */
  setUint32(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value, at);
  }

  /** What was written. */
  finish(): Uint8Array {
    // A copy where the buffer is far too large: what is kept for many subscribers should not hold the rest.
    const written = this.#buffer.subarray(0, this.#length);
    return this.#length * 2 < this.#buffer.length ? Buffer.from(written) : written;
  }

  #room(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}
