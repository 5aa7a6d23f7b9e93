import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { toCursor } from '../../src/adapters/simulated/backend/cursor.ts';
import { systemClock } from '../../src/app/system.ts';
import { msat } from '../../src/core/lightning/amount.ts';
import type { NodeIdentity } from '../../src/core/lightning/backend.ts';
import { paymentHash } from '../../src/core/lightning/identifiers.ts';
import type { Ledger, NewQuote } from '../../src/core/ports/ledger.ts';
import { silentLogger } from '../../src/core/ports/logger.ts';
import { PublishedRows } from '../../src/core/tickerplant/published-rows.ts';
import { DEFAULT_SETTLEMENT_POLICY } from '../../src/core/tickerplant/settlement-policy.ts';
import { l402Credentials } from '../../src/credentials/l402.ts';
import { openJournal } from '../../src/storage/journal/open-journal.ts';
import { openSqliteLedger } from '../../src/storage/ledger/sqlite-ledger.ts';
import { makeRow } from '../shared/rows.ts';

export const TABLE = 'trade';
/** What the first few subscriptions take, and nobody else. */
export const HOT = 'HOT';
export const MATCHING = 10;
/** What the others take, in turn. */
export const COLD: readonly string[] = Array.from({ length: 1_000 }, (_, i) => `C${i}`);

/** Payments of a subscription: with a row for the subscription and three for each payment it has ten in the ledger. */
const PAYMENTS_EACH = 3;
const PRICE = msat(1_000n);
const DAY_MS = 86_400_000;
const AT_ONCE = 2_000;
const ROWS_PER_RECORD = 10;
const RECORDS_PER_APPEND = 100;

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The token of a subscription that {@link fillLedger} made. */
export function tokenOf(index: number): string {
  const hash = paymentHash(digest(`payment ${index}.0`));
  return l402Credentials.mint({ paymentHash: hash, tokenId: digest(`token ${index}`) }, digest(`root ${index}`));
}

/** Subscriptions that were quoted, paid and granted by the ledger's own commands. */
export async function fillLedger(path: string, node: NodeIdentity, subscriptions: number, note: (text: string) => void): Promise<void> {
  const store = await openSqliteLedger({ path, logger: silentLogger });
  const now = Date.now();
  const step = Math.max(AT_ONCE, Math.ceil(subscriptions / 5));
  for (let payment = 0; payment < PAYMENTS_EACH; payment += 1) {
    for (let from = 0; from < subscriptions; from += AT_ONCE) {
      const indexes = Array.from({ length: Math.min(AT_ONCE, subscriptions - from) }, (_, i) => from + i);
      await Promise.all(indexes.map((index) => pay(store.ledger, node, index, payment, now)));
      if (payment === PAYMENTS_EACH - 1 && from % step < AT_ONCE)
        note(`ledger: ${from + indexes.length} of ${subscriptions} subscriptions`);
    }
  }
  await store[Symbol.asyncDispose]();
}

async function pay(ledger: Ledger, node: NodeIdentity, index: number, payment: number, now: number): Promise<void> {
  const hash = paymentHash(digest(`payment ${index}.${payment}`));
  const sym = index < MATCHING ? HOT : (COLD[index % COLD.length] as string);
  const quote: NewQuote = {
    id: `quote-${index}-${payment}`,
    subscription: `subscription-${index}`,
    node,
    key: undefined,
    request: undefined,
    items: [{ table: TABLE, syms: [sym], terms: { kind: 'flat', msat: PRICE, lastsMs: DAY_MS, replayMs: DAY_MS }, amountMsat: PRICE }],
    reason: 'asked',
    amountMsat: PRICE,
    creditMsat: msat(0n),
    paymentHash: hash,
    paymentRequest: `lnbcrt-${index}-${payment}`,
    createdAt: now,
    expiresAt: now + DAY_MS,
    newSubscription: { tokenId: digest(`token ${index}`), rootKey: digest(`root ${index}`) },
  };
  const settlement = {
    paymentHash: hash,
    amountMsat: PRICE,
    receivedMsat: PRICE,
    settledAt: now,
    expiresAt: now + DAY_MS,
    label: undefined,
  };
  const rest = { now, epoch: 1, next: {}, policy: DEFAULT_SETTLEMENT_POLICY, gone: [], dayEnds: now + DAY_MS };
  // Sent together: the ledger takes commands in order, and commits them as one group.
  const [, effect] = await Promise.all([
    ledger.createQuote(quote),
    ledger.applySettlement({ node, cursor: toCursor(0), kind: 'settled', settlement, ...rest }),
  ]);
  if (effect.kind !== 'granted') throw new Error(`a payment was ${effect.kind}`);
}

/** Rows in all of a ledger's tables. */
export function ledgerRows(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all();
  let rows = 0;
  for (const { name } of tables) rows += Number(database.prepare(`SELECT count(*) AS n FROM "${String(name)}"`).get()?.['n']);
  database.close();
  return rows;
}

/** So many rows of 100 bytes, of all symbols in turn. */
export async function fillJournal(dir: string, rows: number): Promise<number> {
  const journal = await openJournal({ dir, clock: systemClock, logger: silentLogger, fsync: 'never' });
  const json = new Map(
    COLD.map((sym) => [sym, Buffer.from(JSON.stringify(Array.from({ length: ROWS_PER_RECORD }, () => makeRow(sym, false))))]),
  );
  const records = Math.ceil(rows / ROWS_PER_RECORD);
  for (let from = 0; from < records; from += RECORDS_PER_APPEND) {
    const list = Array.from({ length: Math.min(RECORDS_PER_APPEND, records - from) }, (_, i) => {
      const index = from + i;
      const sym = COLD[index % COLD.length] as string;
      const seq = Math.floor(index / COLD.length) * ROWS_PER_RECORD + 1;
      return new PublishedRows(TABLE, sym, journal.epoch, seq, ROWS_PER_RECORD, json.get(sym) as Buffer);
    });
    journal.append(list);
  }
  await journal[Symbol.asyncDispose]();
  return records * ROWS_PER_RECORD;
}
