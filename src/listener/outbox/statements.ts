import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SettlementCursor } from '../../core/lightning/settlement.ts';
import type { EventInvoice, EventKind, InvoiceEvent } from '../event.ts';
import type { Position } from '../position.ts';
import type { NodeProgress } from './progress.ts';

/** The outbox's SQL, prepared once. */
export class Statements {
  readonly #insert: StatementSync;
  readonly #after: StatementSync;
  readonly #mark: StatementSync;
  readonly #last: StatementSync;
  readonly #overdue: StatementSync;
  readonly #open: StatementSync;
  readonly #end: StatementSync;
  readonly #nodeCursor: StatementSync;
  readonly #madeAfter: StatementSync;
  readonly #delete: StatementSync;
  readonly #floor: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING');
    this.#after = database.prepare('SELECT * FROM events WHERE offset > ? ORDER BY offset LIMIT ?');
    this.#mark = database.prepare('SELECT mark FROM events WHERE offset = ?');
    this.#last = database.prepare('SELECT offset, mark FROM events ORDER BY offset DESC LIMIT 1');
    this.#overdue = database.prepare('SELECT payment_hash FROM open_invoices WHERE expires_at < ? ORDER BY expires_at LIMIT ?');
    this.#open = database.prepare('INSERT INTO open_invoices VALUES (?, ?) ON CONFLICT DO NOTHING');
    this.#end = database.prepare('DELETE FROM open_invoices WHERE payment_hash = ?');
    this.#nodeCursor = database.prepare('UPDATE outbox SET node_cursor = ?');
    this.#madeAfter = database.prepare('UPDATE outbox SET made_after = ?');
    this.#delete = database.prepare('DELETE FROM events WHERE offset <= ?');
    this.#floor = database.prepare('UPDATE outbox SET floor = ?, floor_mark = ?');
  }

  /** False: the event is there already. */
  add({ offset, mark, id, kind, at, invoice, nodeCursor }: InvoiceEvent): boolean {
    return this.#insert.run(offset, mark, id, kind, at, JSON.stringify(invoice), nodeCursor ?? null).changes === 1;
  }

  after(offset: number, limit: number): readonly InvoiceEvent[] {
    return this.#after.all(offset, limit).map((row) => ({
      offset: Number(row['offset']),
      mark: String(row['mark']),
      id: String(row['id']),
      kind: row['kind'] as EventKind,
      at: Number(row['at']),
      invoice: JSON.parse(String(row['invoice'])) as EventInvoice,
      nodeCursor: (row['node_cursor'] ?? undefined) as SettlementCursor | undefined,
    }));
  }

  mark(offset: number): string | undefined {
    return this.#mark.get(offset)?.['mark'] as string | undefined;
  }

  last(): Position | undefined {
    const row = this.#last.get();
    return row === undefined ? undefined : { offset: Number(row['offset']), mark: String(row['mark']) };
  }

  overdue(now: number, limit: number): readonly string[] {
    return this.#overdue.all(Math.floor(now), limit).map((row) => String(row['payment_hash']));
  }

  progress({ nodeCursor, madeAfter, opened = [], ended = [] }: NodeProgress): void {
    for (const { paymentHash, expiresAt } of opened) this.#open.run(paymentHash, Math.round(expiresAt));
    for (const hash of ended) this.#end.run(hash);
    if (nodeCursor !== undefined) this.#nodeCursor.run(nodeCursor);
    if (madeAfter !== undefined) this.#madeAfter.run(madeAfter);
  }

  prune(until: number, mark: string): void {
    this.#delete.run(until);
    this.#floor.run(until, mark);
  }
}
