import type { DatabaseSync } from 'node:sqlite';
import type { QuotedItem, Terms } from '../../../core/tickerplant/messages.ts';
import { endOf, graceOf } from '../commands/grants.ts';
import { formatTerms } from '../items.ts';
import type { PaidQuote } from './paid-quote.ts';
import type { LedgerViolation } from './report.ts';
import { type CheckedRow, parse, reporter, rowsOf } from './rows.ts';

type Report = (message: string) => void;

/** What was granted, as far as it bears on later grants. */
interface Earlier {
  readonly until: bigint;
  readonly endsAt: bigint;
  readonly isTick: boolean;
}

/** Compares the grants of every paid quote with the items that it was for, and their times with the terms. */
export function findGrantViolations(database: DatabaseSync, paid: readonly PaidQuote[]): LedgerViolation[] {
  const violations: LedgerViolation[] = [];
  const quotes = new Map(paid.filter(({ effect }) => effect === 'granted').map((quote) => [quote.id, quote]));
  const granted = new Map<string, CheckedRow[]>();
  const history = new Map<string, Earlier[]>();
  for (const row of rowsOf(database, 'SELECT * FROM grants ORDER BY number')) {
    const id = String(row['quote']);
    const quote = quotes.get(id);
    // That there is none is an invariant of its own.
    if (quote === undefined) continue;
    granted.set(id, [...(granted.get(id) ?? []), row]);
    checkGrant(row, quote, history, reporter(violations, 'grant', id));
    remember(row, history);
  }
  for (const quote of quotes.values()) {
    const grants = granted.get(quote.id) ?? [];
    if (grants.length > 0) checkAll(quote, grants, reporter(violations, 'grant', quote.id));
  }
  return violations;
}

/** The symbols of each item are granted, each once, and those of a table that was gone are not. */
function checkAll(quote: PaidQuote, grants: readonly CheckedRow[], report: Report): void {
  grants.forEach((grant, position) => {
    if (Number(grant['position']) !== position)
      report(`its grants are not numbered one by one: ${String(grant['position'])} is the ${position + 1}th`);
  });
  for (const [index, item] of quote.items.entries()) {
    const syms = grants
      .filter((grant) => Number(grant['item']) === index)
      .flatMap((grant) => parse<readonly string[]>(grant['syms']) ?? []);
    const wanted = quote.gone.includes(item.table) ? [] : item.syms;
    if (!equal([...syms].sort(), [...wanted].sort())) report(`what was granted of ${item.table} is not what the quote was for`);
  }
}

function checkGrant(grant: CheckedRow, quote: PaidQuote, history: Map<string, Earlier[]>, report: Report): void {
  const position = String(grant['position']);
  const item = quote.items[Number(grant['item'])];
  const syms = parse<readonly string[]>(grant['syms']);
  if (item === undefined || grant['table_name'] !== item.table || !Array.isArray(syms))
    return report(`grant ${position} is not what the quote was for`);
  if (grant['terms'] !== formatTerms(item.terms)) report(`grant ${position} has other terms than were quoted`);
  if (grant['subscription'] !== quote.subscription) report(`grant ${position} belongs to another subscription`);
  if (grant['granted_at'] !== quote.appliedAt) report(`grant ${position} does not begin when the payment was applied`);
  checkTimes(grant, quote, item, syms, history, report);
  const next = parse<Readonly<Record<string, number>>>(grant['next']);
  if (next === undefined || !equal(Object.keys(next).sort(), [...syms].sort()) || !Object.values(next).every(isSeq))
    report(`where grant ${position} begins can not be read, or is of other symbols`);
}

function checkTimes(
  grant: CheckedRow,
  quote: PaidQuote,
  { table, terms }: QuotedItem,
  syms: readonly string[],
  history: Map<string, Earlier[]>,
  report: Report,
): void {
  const position = String(grant['position']);
  const startsAt = grant['starts_at'] as bigint;
  if (!syms.every((sym) => startsAt === startOf(history.get(keyOf(quote.subscription, table, sym)) ?? [], quote, terms)))
    report(`grant ${position} starts at another time than was paid for`);
  if (grant['until'] !== endOf(terms, startsAt, quote.dayEnds)) report(`grant ${position} ends at another time than was paid for`);
  if (grant['ends_at'] !== (grant['until'] as bigint) + graceOf(terms)) report(`grant ${position} has another grace than was quoted`);
  if (grant['replay_ms'] !== BigInt(terms.replayMs)) report(`grant ${position} has rows replayed for another time than was quoted`);
}

/** The end of what ran for a symbol when something was paid for a time; the payment's time for everything else. */
function startOf(earlier: readonly Earlier[], { appliedAt }: PaidQuote, terms: Terms): bigint {
  if (terms.kind !== 'time') return appliedAt;
  let latest: bigint | undefined;
  for (const grant of earlier) {
    if (grant.isTick || grant.endsAt < appliedAt) continue;
    if (latest === undefined || grant.until > latest) latest = grant.until;
  }
  return latest ?? appliedAt;
}

function remember(grant: CheckedRow, history: Map<string, Earlier[]>): void {
  const earlier = {
    until: grant['until'] as bigint,
    endsAt: grant['ends_at'] as bigint,
    isTick: parse<{ readonly kind?: string }>(grant['terms'])?.kind === 'tick',
  };
  for (const sym of parse<readonly string[]>(grant['syms']) ?? []) {
    const key = keyOf(String(grant['subscription']), String(grant['table_name']), sym);
    const list = history.get(key);
    if (list === undefined) history.set(key, [earlier]);
    else list.push(earlier);
  }
}

function keyOf(subscription: string, table: string, sym: string): string {
  return `${subscription}\n${table}\n${sym}`;
}

function isSeq(seq: unknown): boolean {
  return Number.isSafeInteger(seq) && Number(seq) >= 1;
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}
