import type { Clock } from '../../core/ports/clock.ts';
import type { Feed, FeedBatch, FeedCounts } from '../../core/ports/feed.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Row, TableDefinition, Value } from '../../core/tickerplant/schema.ts';
import { coerceRow, ValueError } from '../../core/tickerplant/values.ts';
import { chars, list, symbol, symbols } from '../../kdb/build.ts';
import { RowsError, rowsOfData } from '../../kdb/rows.ts';
import { textOf } from '../../kdb/text.ts';
import type { K } from '../../kdb/types.ts';
import type { KdbFeedConfig } from '../config.ts';
import { FeedError } from '../errors.ts';
import { Upstream, UpstreamError, UpstreamRefusal } from './upstream.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** Rows that wait to be published; then the upstream waits. */
const MAX_WAITING_ROWS = 50_000;
/** Each bad row up to here is logged; later ones are only counted. */
const MAX_LOGGED = 10;

/** What the feed is handed. */
export interface KdbFeedDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Rows of an existing kdb+ tickerplant, to which it subscribes as any of its subscribers does (`.u.sub`, then `upd`). Columns are
 * matched by name; what ours has not is left out. It connects again for as long as it runs; what the other published
 * meanwhile is not had, since its log is a file on its machine.
 */
export class KdbFeed implements Feed {
  readonly #config: KdbFeedConfig;
  readonly #tables: ReadonlyMap<string, TableDefinition>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #disposed = new AbortController();
  /** Table → its columns upstream, in their order. */
  readonly #upstreamColumns = new Map<string, readonly string[]>();
  #waiting: FeedBatch[] = [];
  #waitingRows = 0;
  #wake: (() => void) | undefined;
  #upstream: Upstream | undefined;
  #failed: FeedError | undefined;
  #rows = 0;
  #badRows = 0;

  constructor(config: KdbFeedConfig, tables: readonly TableDefinition[], { clock, logger }: KdbFeedDependencies) {
    this.#config = config;
    this.#tables = new Map(tables.map((table) => [table.name, table]));
    this.#clock = clock;
    this.#logger = logger;
  }

  get counts(): FeedCounts {
    return { rows: this.#rows, badRows: this.#badRows };
  }

  /** A kdb+ tickerplant does not say which symbols it has: those of the configuration, or the ones that come. */
  async symbols(table: string): Promise<readonly string[] | undefined> {
    return this.#tables.has(table) ? this.#config.symbols : undefined;
  }

  async *batches(signal?: AbortSignal): AsyncGenerator<FeedBatch, void, undefined> {
    const stop = signal === undefined ? this.#disposed.signal : AbortSignal.any([signal, this.#disposed.signal]);
    const wake = () => this.#wake?.();
    stop.addEventListener('abort', wake);
    const following = this.#follow(stop);
    try {
      while (!stop.aborted) {
        const batches = this.#take();
        for (const batch of batches) {
          this.#rows += batch.rows.length;
          yield batch;
          if (stop.aborted) return;
        }
        if (batches.length > 0) continue;
        if (this.#failed !== undefined) throw this.#failed;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      stop.removeEventListener('abort', wake);
      this.#disposed.abort();
      this.#upstream?.close();
      await following;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
    this.#upstream?.close();
  }

  get #source(): string {
    return `kdb+ tickerplant ${this.#config.host}:${this.#config.port}`;
  }

  /** Connects, subscribes, waits for the end, again and again. */
  async #follow(stop: AbortSignal): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !stop.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        const upstream = await this.#open(stop);
        pause = FIRST_PAUSE_MS;
        const error = await upstream.ended;
        if (!stop.aborted && this.#failed === undefined) throw error;
      } catch (error) {
        if (stop.aborted) break;
        if (!(error instanceof UpstreamError)) this.#fail(error);
        else this.#logger.warn({ err: error, retryInMs: pause }, `${this.#source}: no connection; what it publishes now is not had`);
      }
      if (this.#failed !== undefined) break;
      await this.#clock.sleep(pause, stop).catch(() => undefined);
    }
    this.#wake?.();
  }

  async #open(stop: AbortSignal): Promise<Upstream> {
    const upstream = await Upstream.open({ ...this.#config, onMessage: (value) => this.#receive(value) }, stop);
    this.#upstream = upstream;
    if (stop.aborted) upstream.close();
    try {
      for (const { name } of this.#tables.values()) await this.#subscribe(upstream, name);
    } catch (error) {
      upstream.close();
      throw error;
    }
    this.#logger.info({ tables: [...this.#tables.keys()] }, `${this.#source}: subscribed`);
    return upstream;
  }

  async #subscribe(upstream: Upstream, table: string): Promise<void> {
    const names = this.#config.symbols ?? this.#tables.get(table)?.symbols;
    const wanted = names === undefined ? symbol('') : symbols(names);
    const answer = await upstream.ask(list(chars('.u.sub'), symbol(table), wanted));
    const [, schema, invoice] = answer.kind === 'list' ? answer.items : [];
    if (schema?.kind !== 'table') throw new UpstreamRefusal(`no (table; schema) for ${table}`);
    this.#upstreamColumns.set(
      table,
      schema.columns.map(({ name }) => name),
    );
    const missing = this.#tables.get(table)?.columns.filter(({ name }) => !schema.columns.some((column) => column.name === name)) ?? [];
    if (missing.length > 0) {
      this.#logger.warn({ table, columns: missing.map(({ name }) => name) }, `${this.#source}: has not all columns; they stay null`);
    }
    if (invoice?.kind === 'dictionary') {
      this.#logger.warn({ table, invoice: paymentRequestOf(invoice) }, `${this.#source}: wants to be paid before it sends rows`);
    }
  }

  #fail(error: unknown): void {
    if (error instanceof FeedError) this.#failed = error;
    else {
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof UpstreamRefusal ? 'CONFIG' : 'IO';
      this.#failed = new FeedError(code, { source: this.#source }, message, { cause: error });
    }
    this.#upstream?.close();
    this.#wake?.();
  }

  #take(): readonly FeedBatch[] {
    const batches = this.#waiting;
    this.#waiting = [];
    this.#waitingRows = 0;
    this.#upstream?.resume();
    return batches;
  }

  /** ``(`upd;table;rows)``; everything else a tickerplant may say is of no concern here. */
  #receive(message: K): void {
    if (message.kind !== 'list' || message.items.length !== 3 || this.#failed !== undefined) return;
    const [name, table, data] = message.items.map((item, i) => (i < 2 ? nameOf(item) : item)) as [
      string | undefined,
      string | undefined,
      K,
    ];
    const definition = table === undefined ? undefined : this.#tables.get(table);
    if (name !== 'upd' || definition === undefined) return;
    const rows = this.#rowsOf(definition, data);
    if (rows.length === 0) return;
    this.#waiting.push({ table: definition.name, rows });
    this.#waitingRows += rows.length;
    if (this.#waitingRows >= MAX_WAITING_ROWS) this.#upstream?.pause();
    this.#wake?.();
  }

  #rowsOf(table: TableDefinition, data: K): readonly Row[] {
    const now = this.#clock.now();
    const rows: Row[] = [];
    let given: readonly (readonly Value[])[];
    try {
      given = rowsOfData(table.columns, data, { names: this.#upstreamColumns.get(table.name), ignoreOthers: true });
    } catch (error) {
      if (!(error instanceof RowsError)) throw error;
      this.#bad(table, error.message);
      return [];
    }
    for (const values of given) {
      try {
        const row = coerceRow(table, dated(table, values, now), now);
        if (table.symbols === undefined || table.symbols.includes(row[1] as string)) rows.push(row);
        else this.#bad(table, 'a symbol that is not on its list');
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        this.#bad(table, error.message);
      }
    }
    return rows;
  }

  #bad(table: TableDefinition, message: string): void {
    this.#badRows += 1;
    if (this.#config.onBadRow === 'stop') this.#fail(new FeedError('BAD_ROW', { source: this.#source }, `table ${table.name}: ${message}`));
    else if (this.#badRows <= MAX_LOGGED)
      this.#logger.warn({ table: table.name, error: message }, `${this.#source}: a bad row is left out`);
  }
}

/** A time of day upstream, where ours has the day too: today's, UTC. */
function dated(table: TableDefinition, values: readonly Value[], now: number): readonly Value[] {
  const [time] = values;
  if (table.columns[0]?.type !== 'timestamp' || values.length !== table.columns.length) return values;
  if (typeof time !== 'string' || !time.startsWith('0D')) return values;
  return [`${new Date(now).toISOString().slice(0, 10)}T${time.slice(2)}Z`, ...values.slice(1)];
}

function nameOf(item: K): string | undefined {
  if (item.kind === 'atom' && item.type === 'symbol') return item.value;
  return item.kind === 'vector' && item.type === 'char' ? textOf(item.values) : undefined;
}

/** The invoice of a tickerplant like ours. */
function paymentRequestOf({ keys, values }: Extract<K, { kind: 'dictionary' }>): string | undefined {
  if (keys.kind !== 'vector' || keys.type !== 'symbol' || values.kind !== 'list') return undefined;
  const item = values.items[keys.values.indexOf('payment_request')];
  return item === undefined ? undefined : nameOf(item);
}
