import { KdbCodecError } from './errors.ts';

/** Reads bytes of either order, and never past their end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #at: number;

  constructor(bytes: Uint8Array, littleEndian: boolean, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = littleEndian;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2), this.#littleEndian);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), this.#littleEndian);
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8), this.#littleEndian);
  }

  float32(): number {
    return this.#view.getFloat32(this.#take(4), this.#littleEndian);
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), this.#littleEndian);
  }

  /** A count of things that take at least `size` bytes each: refused before anything is allocated for them. */
  count(size: number): number {
    const count = this.int32();
    if (count < 0) throw new KdbCodecError('LENGTH', 'a negative count');
    if (count * size > this.left) throw new KdbCodecError('TRUNCATED', 'a count of more than there are bytes');
    return count;
  }

  /** So many bytes; a view, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Bytes up to a NUL, which is passed over. */
  untilNul(): Uint8Array {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1) throw new KdbCodecError('TRUNCATED', 'a symbol without its end');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return bytes;
  }

  #take(length: number): number {
    if (length > this.left) throw new KdbCodecError('TRUNCATED', 'the message ends before its value does');
    const start = this.#at;
    this.#at += length;
    return start;
  }
}
