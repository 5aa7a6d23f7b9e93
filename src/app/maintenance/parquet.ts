import { ByteWriter, ParquetWriter, type SchemaElement, type Writer } from 'hyparquet-writer';
import type { Column, ColumnType, Row, Value } from '../../core/tickerplant/schema.ts';
import { timestampToNs } from '../../core/tickerplant/times.ts';
import type { RowRun } from './journal-rows.ts';

/** Rows of one row group. */
const GROUP_ROWS = 100_000;
const NS_PER_US = 1000n;

/** Takes bytes; resolves when there is room for more. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/** Columns of ours beside the table's. */
const OWN = ['epoch', 'seq'] as const;

type Element = Omit<SchemaElement, 'name'>;

const TEXT: Element = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };

/** Parquet has no time with nanoseconds that every reader knows: a timestamp has microseconds, what is finer is cut off. */
const ELEMENTS: Readonly<Record<ColumnType, Element>> = {
  timestamp: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
  timespan: TEXT,
  date: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
  symbol: TEXT,
  string: TEXT,
  float: { type: 'DOUBLE' },
  real: { type: 'FLOAT' },
  long: { type: 'INT64' },
  int: { type: 'INT32' },
  short: { type: 'INT32' },
  boolean: { type: 'BOOLEAN' },
};

/** Writes rows of one table as a Parquet file, a row group at a time: memory does not grow with the file. */
export class ParquetRows {
  readonly #sink: Sink;
  readonly #columns: readonly Column[];
  readonly #bytes: Writer = new ByteWriter();
  readonly #writer: ParquetWriter;
  #values: Value[][] = [];
  #count = 0;

  constructor(columns: readonly Column[], sink: Sink) {
    this.#sink = sink;
    this.#columns = [...OWN.map((name): Column => ({ name, type: 'long' })), ...columns];
    const schema = this.#columns.map(
      ({ name, type }, i): SchemaElement => ({
        ...ELEMENTS[type],
        name: i >= OWN.length && OWN.some((own) => own === name) ? `${name}_` : name,
        repetition_type: i < OWN.length ? 'REQUIRED' : 'OPTIONAL',
      }),
    );
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [{ name: 'root', num_children: schema.length }, ...schema],
      createdBy: 'lightning-tickerplant',
    });
    this.#empty();
  }

  async add({ epoch, seq, rows }: Pick<RowRun, 'epoch' | 'seq' | 'rows'>): Promise<void> {
    for (const [i, row] of rows.entries()) {
      this.#take(epoch, seq + i, row);
      if (this.#count >= GROUP_ROWS) await this.#flush();
    }
  }

  /** Writes what is left and the file's end. */
  async end(): Promise<void> {
    await this.#flush();
    await this.#writer.finish();
    await this.#hand();
  }

  #take(epoch: number, seq: number, row: Row): void {
    for (const [i, { type }] of this.#columns.entries()) {
      const value = i === 0 ? epoch : i === 1 ? seq : (row[i - OWN.length] ?? null);
      this.#values[i]?.push(toParquet(type, value));
    }
    this.#count += 1;
  }

  async #flush(): Promise<void> {
    if (this.#count === 0) return;
    const columnData = this.#columns.map((_, i) => ({ name: this.#writer.schema[i + 1]?.name ?? '', data: this.#values[i] ?? [] }));
    await this.#writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    this.#empty();
    await this.#hand();
  }

  async #hand(): Promise<void> {
    const bytes = new Uint8Array(this.#bytes.buffer.slice(0, indexOf(this.#bytes)));
    setIndex(this.#bytes, 0);
    if (bytes.length > 0) await this.#sink(bytes);
  }

  #empty(): void {
    this.#values = this.#columns.map(() => []);
    this.#count = 0;
  }
}

/** A byte writer's place in its buffer, beside `offset`, which counts all that it ever wrote. Its types leave it out. */
function indexOf(writer: Writer): number {
  return (writer as Writer & { index: number }).index;
}

function setIndex(writer: Writer, index: number): void {
  (writer as Writer & { index: number }).index = index;
}

function toParquet(type: ColumnType, value: Value): never {
  return convert(type, value) as never;
}

function convert(type: ColumnType, value: Value): Value | Date {
  if (value === null) return null;
  switch (type) {
    case 'timestamp':
      return floorDivide(timestampToNs(String(value)), NS_PER_US);
    case 'date':
      return new Date(`${String(value)}T00:00:00Z`);
    case 'long':
      return BigInt(value);
    case 'timespan':
    case 'symbol':
    case 'string':
      return typeof value === 'string'
        ? value
        : JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
    default:
      return value;
  }
}

/** Times before 1970 too are cut towards the past. */
function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}
