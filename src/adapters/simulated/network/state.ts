import type { Clock } from '../../../core/ports/clock.ts';
import type { Logger } from '../../../core/ports/logger.ts';
import type { Random } from '../../../core/ports/random.ts';
import { decode, encode } from './codec.ts';
import type { NetworkEvent, NetworkListener } from './events.ts';
import type { Records } from './records.ts';
import type { Store, StoredRecord } from './store.ts';
import { Table } from './table.ts';

/** What a network is handed. */
export interface NetworkDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: Store;
  /** Told how often the network has been started from its store, this time included, before anything random is drawn. */
  readonly onStart?: (starts: number) => void;
}

type Tables = { readonly [Name in keyof Records]: Table<Records[Name]> };
type Undo = () => void;

/**
 * The records of a network and their changes. Every change happens in {@link transact}: it is written to the store before
 * anybody hears of it, and taken back as a whole where something throws.
 */
export class NetworkState {
  readonly tables: Tables;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly #store: Store;
  readonly #listeners = new Set<NetworkListener>();
  readonly #changed = new Map<string, () => StoredRecord>();
  readonly #undo: Undo[] = [];
  #events: NetworkEvent[] = [];
  #depth = 0;

  constructor(dependencies: NetworkDependencies) {
    this.clock = dependencies.clock;
    this.random = dependencies.random;
    this.logger = dependencies.logger;
    this.#store = dependencies.store;
    this.tables = {
      chain: this.#table('chain'),
      nodes: this.#table('nodes'),
      addresses: this.#table('addresses'),
      transactions: this.#table('transactions'),
      channels: this.#table('channels'),
      peers: this.#table('peers'),
      invoices: this.#table('invoices'),
      payments: this.#table('payments'),
      forwards: this.#table('forwards'),
    };
  }

  /** Reads the store; call once, after the indexes have been attached. */
  load(): void {
    for (const { table, id, text } of this.#store.load()) {
      const target = new Map<string, unknown>(Object.entries(this.tables)).get(table) as Table<never> | undefined;
      if (target === undefined) throw new Error(`the simulated network's store has a table of a newer version: ${table}`);
      if (text !== undefined) target.restore(id, decode(text) as never);
    }
  }

  /** Runs a change: all of it becomes durable, or none of it happens. May be nested; events go out after the outermost. */
  transact<T>(change: () => T): T {
    this.#depth += 1;
    try {
      const result = change();
      if (this.#depth === 1) this.#commit();
      return result;
    } catch (error) {
      if (this.#depth === 1) this.#rollback();
      throw error;
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0) this.#deliver();
    }
  }

  /** Tells of something when the present transaction is durable. */
  emit(event: NetworkEvent): void {
    this.#events.push(event);
  }

  /** Follows events until the answer is called. */
  subscribe(listener: NetworkListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Now, in whole milliseconds. */
  now(): number {
    return Math.floor(this.clock.now());
  }

  randomHex(bytes: number): string {
    return Buffer.from(this.random.bytes(bytes)).toString('hex');
  }

  close(): void {
    this.#store.close();
  }

  #table<Name extends keyof Records>(name: Name): Table<Records[Name]> {
    return new Table(name, (table, id, before) => {
      if (this.#depth === 0) throw new Error('a record was changed outside of a transaction');
      this.#undo.push(() => table.restore(id, before));
      this.#changed.set(`${name} ${id}`, () => {
        const row = table.get(id);
        return { table: name, id, text: row === undefined ? undefined : encode(row) };
      });
    });
  }

  #commit(): void {
    if (this.#changed.size > 0) this.#store.commit([...this.#changed.values()].map((record) => record()));
    this.#changed.clear();
    this.#undo.length = 0;
  }

  #rollback(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo.length = 0;
    this.#changed.clear();
    this.#events = [];
  }

  #deliver(): void {
    const events = this.#events;
    this.#events = [];
    for (const event of events) {
      for (const listener of [...this.#listeners]) {
        try {
          listener(event);
        } catch (error) {
          this.logger.error({ err: error, event: event.kind }, 'a listener of the simulated network failed');
        }
      }
    }
  }
}
