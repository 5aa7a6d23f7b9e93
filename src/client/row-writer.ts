import { type Position, positionAfter, type RowsEvent, type SubscriberEvent } from './events.ts';
import type { RowFormat } from './row-format.ts';
import type { RowOutput } from './row-output.ts';

/** What a writer needs. */
export interface RowWriterOptions {
  readonly output: RowOutput;
  readonly format: RowFormat;
  /** Rows to write at most. */
  readonly limit?: number;
  /** A batch that was written between events failed; the error is thrown at the next call too. */
  readonly onError: (error: unknown) => void;
}

const BATCH_BYTES = 64 * 1024;

/**
 * Gathers the rows of a turn and writes them as one batch, together with the positions that it moves to. So a fast feed costs
 * one write for many rows, and a slow one waits for nothing.
 */
export class RowWriter {
  readonly #options: RowWriterOptions;
  #text: string[] = [];
  #size = 0;
  #moved: Position[] = [];
  #heads = false;
  #headed: string | undefined;
  #count = 0;
  #scheduled = false;
  #writing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: RowWriterOptions) {
    this.#options = options;
  }

  /** Rows written or gathered so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether the limit is reached. */
  get full(): boolean {
    return this.#options.limit !== undefined && this.#count >= this.#options.limit;
  }

  /** Takes in an event; answers the rows taken of it. Waits where a batch is full. @throws the file system's error. */
  async add(event: SubscriberEvent): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const taken = event.type === 'rows' ? this.#rows(event) : 0;
    const position = event.type === 'rows' ? rowsPosition(event, taken) : positionAfter(event);
    if (position !== undefined) this.#moved.push(position);
    if (this.#size >= BATCH_BYTES) await this.flush();
    else if (this.#moved.length > 0) this.#schedule();
    return taken;
  }

  /** Writes what is gathered, and waits for it. @throws the file system's error. */
  async flush(): Promise<void> {
    this.#write();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #rows(event: RowsEvent): number {
    const { format, limit } = this.#options;
    const left = limit === undefined ? event.rows.length : Math.min(event.rows.length, limit - this.#count);
    this.#heading(event);
    for (let index = 0; index < left; index += 1) {
      const line = format.line(event, event.rows[index] ?? [], event.seq + index);
      this.#text.push(line);
      this.#size += line.length;
    }
    this.#count += left;
    return left;
  }

  #heading({ table, columns }: RowsEvent): void {
    if (this.#headed === table) return;
    const { format, output } = this.#options;
    const already = format.headedOnce && (output.headed || this.#headed !== undefined);
    this.#headed = table;
    const heading = already ? undefined : format.heading(table, columns);
    if (heading === undefined) return;
    this.#heads = format.headedOnce;
    this.#text.push(heading);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#write();
    });
  }

  #write(): void {
    if (this.#moved.length === 0 && this.#text.length === 0) return;
    const bytes = Buffer.from(this.#text.join(''));
    const moved = this.#moved;
    const headed = this.#heads;
    this.#text = [];
    this.#size = 0;
    this.#moved = [];
    this.#heads = false;
    this.#writing = this.#writing.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        await this.#options.output.write(bytes, moved, { headed });
      } catch (error) {
        this.#failure = { error };
        this.#options.onError(error);
      }
    });
  }
}

function rowsPosition(event: RowsEvent, taken: number): Position | undefined {
  return taken === 0 ? undefined : { table: event.table, epoch: event.epoch, sym: event.sym, seq: event.seq + taken - 1 };
}
