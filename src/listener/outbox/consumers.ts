import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/ports/clock.ts';
import type { Position } from '../position.ts';

/** The outbox that they are of. */
interface OfOutbox {
  readonly database: DatabaseSync;
  readonly head: Position;
  transaction<T>(work: () => T): T;
}

/** Who events are kept for: a server, or a webhook. */
export interface Consumer {
  readonly name: string;
  readonly kind: 'server' | 'webhook';
}

/** A consumer and up to where it has acknowledged. */
export interface ConsumerState extends Consumer {
  readonly position: Position;
  /** When it last acknowledged, or was first known; milliseconds since 1970. */
  readonly at: number;
}

/** An event that a webhook never took. */
export interface DeadLetter {
  readonly webhook: string;
  readonly offset: number;
  /** What was to be posted: JSON. */
  readonly event: string;
  readonly reason: string;
  readonly at: number;
}

const DEAD_LETTERS_KEPT = 10_000;
/** Acknowledgements of servers are written down so late at most: one that is lost is only asked for again. */
const FLUSH_MS = 250;

/** The consumers of an outbox, with their positions. */
export class Consumers {
  readonly #outbox: OfOutbox;
  readonly #clock: Clock;
  readonly #states = new Map<string, ConsumerState>();
  readonly #dirty = new Set<string>();
  #timer: Disposable | undefined;

  constructor(outbox: OfOutbox, clock: Clock) {
    this.#outbox = outbox;
    this.#clock = clock;
    for (const row of outbox.database.prepare('SELECT * FROM consumers').all()) {
      const kind = row['kind'] as Consumer['kind'];
      const name = String(row['name']).slice(kind.length + 1);
      const position = { offset: Number(row['offset']), mark: String(row['mark']) };
      this.#states.set(key(name, kind), { name, kind, position, at: Number(row['at']) });
    }
  }

  /** Makes these the ones that there are: a new one begins at the present end, one that is not named any more is forgotten. */
  name(consumers: readonly Consumer[]): { readonly added: readonly Consumer[]; readonly removed: readonly Consumer[] } {
    const wanted = new Set(consumers.map(({ name, kind }) => key(name, kind)));
    const added = consumers.filter(({ name, kind }) => !this.#states.has(key(name, kind)));
    const removed = [...this.#states.values()].filter(({ name, kind }) => !wanted.has(key(name, kind)));
    for (const { name, kind } of removed) {
      this.#outbox.transaction(() => this.#outbox.database.prepare('DELETE FROM consumers WHERE name = ?').run(key(name, kind)));
      this.#states.delete(key(name, kind));
    }
    for (const { name, kind } of added) this.#set({ name, kind, position: this.#outbox.head, at: this.#clock.now() });
    this.flush();
    return { added, removed };
  }

  all(): readonly ConsumerState[] {
    return [...this.#states.values()];
  }

  get(name: string, kind: Consumer['kind']): ConsumerState | undefined {
    return this.#states.get(key(name, kind));
  }

  /** The offset that everybody has acknowledged; undefined where there is nobody. */
  lowest(): number | undefined {
    if (this.#states.size === 0) return undefined;
    return Math.min(...this.all().map(({ position }) => position.offset));
  }

  /** A server has committed everything up to here, or begins here; written down soon. */
  acknowledge(name: string, position: Position): void {
    this.#set({ name, kind: 'server', position, at: this.#clock.now() });
    this.#timer ??= this.#clock.setTimer(FLUSH_MS, () => {
      this.#timer = undefined;
      try {
        this.flush();
      } catch {
        // A full disk: the next acknowledgement tries again, and until then more is kept than need be.
      }
    });
  }

  /** A webhook has taken everything up to here; written down at once, with what it never took. */
  delivered(name: string, position: Position, dead?: DeadLetter): void {
    this.#set({ name, kind: 'webhook', position, at: this.#clock.now() });
    this.flush(dead);
  }

  /** Writes down what was acknowledged. */
  flush(dead?: DeadLetter): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#dirty.size === 0 && dead === undefined) return;
    const { database } = this.#outbox;
    this.#outbox.transaction(() => {
      for (const name of this.#dirty) {
        const state = this.#states.get(name);
        if (state === undefined) continue;
        const { kind, position, at } = state;
        database
          .prepare('INSERT INTO consumers VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET offset = ?, mark = ?, at = ?')
          .run(name, kind, position.offset, position.mark, Math.round(at), position.offset, position.mark, Math.round(at));
      }
      if (dead !== undefined) {
        database
          .prepare('INSERT INTO dead_letters VALUES (NULL, ?, ?, ?, ?, ?)')
          .run(dead.webhook, dead.offset, dead.event, dead.reason, Math.round(dead.at));
        database.prepare('DELETE FROM dead_letters WHERE number <= (SELECT max(number) FROM dead_letters) - ?').run(DEAD_LETTERS_KEPT);
      }
    });
    this.#dirty.clear();
  }

  /** What webhooks never took, newest first. */
  deadLetters(limit: number): readonly DeadLetter[] {
    const rows = this.#outbox.database.prepare('SELECT * FROM dead_letters ORDER BY number DESC LIMIT ?').all(limit);
    return rows.map((row) => ({
      webhook: String(row['webhook']),
      offset: Number(row['offset']),
      event: String(row['event']),
      reason: String(row['reason']),
      at: Number(row['at']),
    }));
  }

  #set(state: ConsumerState): void {
    const name = key(state.name, state.kind);
    this.#states.set(name, state);
    this.#dirty.add(name);
  }
}

/** A server and a webhook may have one name. */
function key(name: string, kind: Consumer['kind']): string {
  return `${kind}:${name}`;
}
