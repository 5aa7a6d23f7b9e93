import type { Row } from './schema.ts';
import { decodeRows } from './values.ts';

/** Makes one transport's bytes of published rows; compared by identity, so keep one object per encoding. */
export interface Encoding {
  encode(rows: PublishedRows): Uint8Array;
}

/**
 * Rows of one table and symbol, numbered `seq` to `seq + count - 1`, as they stand in the journal and go to everybody.
 * Encoded once per encoding and shared by all who take it.
 */
export class PublishedRows {
  readonly table: string;
  readonly sym: string;
  readonly epoch: number;
  readonly seq: number;
  readonly count: number;
  /** The rows as a JSON array of arrays, UTF-8: the journal's payload and the WebSocket's, made once. */
  readonly json: Uint8Array;
  /** Numbers before `seq` were left out on purpose: the newest row for a slow reader. */
  readonly conflated: boolean;
  #rows: readonly Row[] | undefined;
  #encoding: Encoding | undefined;
  #encoded: Uint8Array | undefined;
  #others: Map<Encoding, Uint8Array> | undefined;

  constructor(
    table: string,
    sym: string,
    epoch: number,
    seq: number,
    count: number,
    json: Uint8Array,
    rows?: readonly Row[],
    conflated = false,
  ) {
    this.table = table;
    this.sym = sym;
    this.epoch = epoch;
    this.seq = seq;
    this.count = count;
    this.json = json;
    this.#rows = rows;
    this.conflated = conflated;
  }

  /** The rows themselves; read from `json` where they came from the journal. */
  get rows(): readonly Row[] {
    this.#rows ??= decodeRows(this.json);
    return this.#rows;
  }

  /** The bytes of an encoding, made at the first call. */
  encoded(encoding: Encoding): Uint8Array {
    if (this.#encoding === encoding && this.#encoded !== undefined) return this.#encoded;
    if (this.#encoding === undefined) {
      this.#encoding = encoding;
      this.#encoded = encoding.encode(this);
      return this.#encoded;
    }
    this.#others ??= new Map();
    let bytes = this.#others.get(encoding);
    if (bytes === undefined) {
      bytes = encoding.encode(this);
      this.#others.set(encoding, bytes);
    }
    return bytes;
  }
}
