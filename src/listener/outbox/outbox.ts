import type { DatabaseSync } from 'node:sqlite';
import type { NodeIdentity } from '../../core/lightning/backend.ts';
import type { SettlementCursor } from '../../core/lightning/settlement.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Random } from '../../core/ports/random.ts';
import { ListenerError } from '../errors.ts';
import { eventId, type InvoiceEvent, type NewEvent } from '../event.ts';
import type { Position } from '../position.ts';
import { Consumers } from './consumers.ts';
import { openOutboxFile, rollBack, toOutboxError } from './open-outbox.ts';
import type { NodeProgress } from './progress.ts';
import { Statements } from './statements.ts';

/** What {@link openOutbox} needs. */
export interface OutboxOptions {
  /** The file, made with its folder where it is not there. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Where a consumer who comes with a position stands: it can go on from there, or why not. */
export type Standing = 'good' | 'pruned' | 'ahead' | 'other';

/** So many of the newest events are kept though everybody has them: what the node tells again is known by them. */
const KEPT_AT_LEAST = 1_000;

/** Opens or makes an outbox. @throws ListenerError `LOCKED`, `CORRUPT`, `NEWER`, `FULL`, `IO`. */
export function openOutbox(options: OutboxOptions): Outbox {
  return new Outbox(options);
}

/**
 * What the node was seen to do, in a file: events are appended in one transaction with the position at the node, and kept until
 * everybody who is named has acknowledged them. Every call may throw a {@link ListenerError}; then nothing of it has taken effect.
 */
export class Outbox implements Disposable {
  /** Drawn when the file was made: another id is another outbox, whatever it holds. */
  readonly id: string;
  readonly path: string;
  /** Whom it is kept for. */
  readonly consumers: Consumers;
  readonly database: DatabaseSync;
  readonly #close: () => void;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #statements: Statements;
  readonly #listeners = new Set<() => void>();
  #node: NodeIdentity | undefined;
  #head: Position;
  #floor: Position;
  #closed = false;

  constructor({ path, clock, random }: OutboxOptions) {
    const { database, close } = openOutboxFile(path, random);
    this.path = path;
    this.database = database;
    this.#close = close;
    this.#clock = clock;
    this.#random = random;
    this.#statements = new Statements(database);
    const row = database.prepare('SELECT * FROM outbox').get() ?? {};
    this.id = String(row['id']);
    this.#floor = { offset: Number(row['floor']), mark: String(row['floor_mark']) };
    this.#head = this.#statements.last() ?? this.#floor;
    if (row['node_id'] !== null) this.#node = { network: row['network'], nodeId: row['node_id'] } as unknown as NodeIdentity;
    this.consumers = new Consumers(this, clock);
  }

  /** Whose outbox it is; undefined until {@link bind}. */
  get node(): NodeIdentity | undefined {
    return this.#node;
  }

  /** After its last event. */
  get head(): Position {
    return this.#head;
  }

  /** Events up to here are gone: nobody can go on from before. */
  get floor(): Position {
    return this.#floor;
  }

  /** How many events it holds. */
  get size(): number {
    return this.#head.offset - this.#floor.offset;
  }

  /** Up to where the node's settlements are in it; undefined before the first. */
  get nodeCursor(): SettlementCursor | undefined {
    return (this.database.prepare('SELECT node_cursor FROM outbox').get()?.['node_cursor'] ?? undefined) as SettlementCursor | undefined;
  }

  /** Up to where the node's list of invoices has been read; undefined before the first. */
  get madeAfter(): string | undefined {
    return (this.database.prepare('SELECT made_after FROM outbox').get()?.['made_after'] ?? undefined) as string | undefined;
  }

  /** Notes whose outbox it is. @throws ListenerError `OTHER_NODE` where it is another one's already. */
  bind(node: NodeIdentity): void {
    if (this.#node === undefined) {
      this.transaction(() => this.database.prepare('UPDATE outbox SET network = ?, node_id = ?').run(node.network, node.nodeId));
      this.#node = { network: node.network, nodeId: node.nodeId };
    } else if (this.#node.network !== node.network || this.#node.nodeId !== node.nodeId) {
      const what = `the outbox ${this.path} is of node ${this.#node.nodeId} (${this.#node.network}), and this is ${node.nodeId} (${node.network})`;
      throw new ListenerError('OTHER_NODE', `${what}; give this node an outbox of its own: outbox.path`);
    }
  }

  /** Appends what is new and moves on at the node, in one transaction; answers what was new. What was told before is not told again. */
  append(events: readonly NewEvent[], progress: NodeProgress): readonly InvoiceEvent[] {
    const node = this.#node;
    if (node === undefined) throw new ListenerError('IO', 'the outbox is not of any node yet');
    const at = Math.round(this.#clock.now());
    let head = this.#head;
    const added: InvoiceEvent[] = [];
    this.transaction(() => {
      for (const { kind, key, invoice, nodeCursor } of events) {
        const event: InvoiceEvent = {
          offset: head.offset + 1,
          mark: Buffer.from(this.#random.bytes(8)).toString('hex'),
          id: eventId(node, key),
          kind,
          at,
          invoice,
          nodeCursor,
        };
        if (!this.#statements.add(event)) continue;
        head = event;
        added.push(event);
      }
      this.#statements.progress(progress);
    });
    this.#head = { offset: head.offset, mark: head.mark };
    if (added.length > 0) for (const listener of [...this.#listeners]) listener();
    return added;
  }

  /** At most `limit` events after an offset, in order. */
  after(offset: number, limit: number): readonly InvoiceEvent[] {
    return this.#run(() => this.#statements.after(offset, limit));
  }

  /** Invoices whose time was over before `now`, without having been seen to end; oldest first. */
  overdue(now: number, limit: number): readonly string[] {
    return this.#run(() => this.#statements.overdue(now, limit));
  }

  /** Whether a consumer can go on from a position. */
  standing({ offset, mark }: Position): Standing {
    if (offset > this.#head.offset) return 'ahead';
    if (offset < this.#floor.offset) return 'pruned';
    const known = offset === this.#floor.offset ? this.#floor.mark : this.#run(() => this.#statements.mark(offset));
    return known === mark ? 'good' : 'other';
  }

  /**
   * Removes what everybody has acknowledged, and beyond `most` events the oldest though somebody has not; answers the offset up to
   * which that was, undefined where nobody lost anything.
   */
  prune(most: number): number | undefined {
    const acknowledged = this.consumers.lowest() ?? this.#head.offset;
    const forced = this.#head.offset - most;
    const until = Math.max(Math.min(acknowledged, this.#head.offset - Math.min(KEPT_AT_LEAST, most)), forced);
    if (until <= this.#floor.offset) return undefined;
    const mark = this.#run(() => this.#statements.mark(until));
    if (mark === undefined) return undefined;
    this.transaction(() => this.#statements.prune(until, mark));
    this.#floor = { offset: until, mark };
    return until > acknowledged ? until : undefined;
  }

  /** Calls back after events were appended. */
  onAppended(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Runs statements as one transaction; all of it, or nothing. @throws ListenerError. */
  transaction<T>(work: () => T): T {
    return this.#run(() => {
      this.database.exec('BEGIN IMMEDIATE');
      try {
        const value = work();
        this.database.exec('COMMIT');
        return value;
      } catch (error) {
        rollBack(this.database);
        throw error;
      }
    });
  }

  /** Writes down what was acknowledged and frees the file. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    try {
      this.consumers.flush();
    } finally {
      this.#closed = true;
      this.#close();
    }
  }

  #run<T>(work: () => T): T {
    if (this.#closed) throw new ListenerError('IO', 'the outbox is closed');
    try {
      return work();
    } catch (error) {
      throw toOutboxError(error, this.path);
    }
  }
}
