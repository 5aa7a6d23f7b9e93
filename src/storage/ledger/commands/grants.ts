import { sql } from 'kysely';
import type { ApplySettlement, Grant, NextSeqs, QuoteRecord } from '../../../core/ports/ledger.ts';
import type { QuotedItem, Terms } from '../../../core/tickerplant/messages.ts';
import { formatTerms } from '../items.ts';
import { toGrant, wholeMs } from '../mapping.ts';
import type { LedgerDatabase } from './handlers.ts';

/** Symbols of an item that are granted from the same time on. */
interface Part {
  readonly syms: readonly string[];
  readonly startsAt: bigint;
}

/** Adds the grants of a quote, but for the items of tables that are gone. */
export async function addGrants(db: LedgerDatabase, command: ApplySettlement, quote: QuoteRecord): Promise<readonly Grant[]> {
  const grants: Grant[] = [];
  for (const [index, item] of quote.items.entries()) {
    if (command.gone.includes(item.table)) continue;
    for (const part of await partsOf(db, command, quote, item))
      grants.push(await addGrant(db, command, quote, index, item, part, grants.length));
  }
  return grants;
}

/** The time from which on rows may still be asked for. */
export async function neededFrom(db: LedgerDatabase, now: number): Promise<number | undefined> {
  const at = wholeMs(now);
  const row = await db
    .selectFrom('grants')
    .select(sql<bigint | null>`min(max(granted_at, ${at} - replay_ms))`.as('from'))
    .where('ends_at', '>', at)
    .executeTakeFirst();
  return row === undefined || row.from === null ? undefined : Number(row.from);
}

async function addGrant(
  db: LedgerDatabase,
  command: ApplySettlement,
  quote: QuoteRecord,
  index: number,
  { table, terms }: QuotedItem,
  { syms, startsAt }: Part,
  position: number,
): Promise<Grant> {
  const until = endOf(terms, startsAt, wholeMs(command.dayEnds));
  const row = await db
    .insertInto('grants')
    .values({
      id: `${quote.id}-${position}`,
      subscription: quote.subscription,
      quote: quote.id,
      position: BigInt(position),
      item: BigInt(index),
      table_name: table,
      syms: JSON.stringify(syms),
      terms: formatTerms(terms),
      granted_at: wholeMs(command.now),
      starts_at: startsAt,
      until,
      ends_at: until + graceOf(terms),
      replay_ms: wholeMs(terms.replayMs),
      epoch: BigInt(command.epoch),
      next: JSON.stringify(nextOf(command.next, table, syms)),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toGrant(row);
}

/** What is paid for a time goes on from the end of what is there (its grace was lent), everything else begins now. */
async function partsOf(db: LedgerDatabase, command: ApplySettlement, quote: QuoteRecord, item: QuotedItem): Promise<readonly Part[]> {
  const now = wholeMs(command.now);
  if (item.terms.kind !== 'time') return [{ syms: item.syms, startsAt: now }];
  const running = await db
    .selectFrom('grants')
    .select(['syms', 'until'])
    .where('subscription', '=', quote.subscription)
    .where('table_name', '=', item.table)
    .where('ends_at', '>=', now)
    // The symbols of a prepaid balance are granted for long, and every row of them is paid: nothing would be lost by that.
    .where(sql<boolean>`terms ->> '$.kind' <> 'tick'`)
    .orderBy('number')
    .execute();
  const ends = new Map<string, bigint>();
  for (const { syms, until } of running) {
    for (const sym of JSON.parse(syms) as string[]) if (until > (ends.get(sym) ?? 0n)) ends.set(sym, until);
  }
  const parts = new Map<bigint, string[]>();
  for (const sym of item.syms) {
    const startsAt = ends.get(sym) ?? now;
    const together = parts.get(startsAt);
    if (together === undefined) parts.set(startsAt, [sym]);
    else together.push(sym);
  }
  return [...parts].map(([startsAt, syms]) => ({ startsAt, syms }));
}

/** Until when something is paid that begins at a time. */
export function endOf(terms: Terms, startsAt: bigint, dayEnds: bigint): bigint {
  if (terms.kind === 'time') return startsAt + wholeMs(terms.perMs);
  return terms.lastsMs === 'day' ? dayEnds : startsAt + wholeMs(terms.lastsMs);
}

/** How much longer rows go on. */
export function graceOf(terms: Terms): bigint {
  return terms.kind === 'time' ? wholeMs(terms.graceMs) : 0n;
}

/** Where each symbol begins. Own properties only: a symbol may be called `constructor`. */
function nextOf(next: NextSeqs, table: string, syms: readonly string[]): Record<string, number> {
  const seqs = Object.hasOwn(next, table) ? (next[table] ?? {}) : {};
  return Object.fromEntries(syms.map((sym) => [sym, Object.hasOwn(seqs, sym) ? (seqs[sym] ?? 1) : 1]));
}
