import { createHash } from 'node:crypto';
import { type Msat, msat } from '../../../../src/core/lightning/amount.ts';
import type { NodeIdentity } from '../../../../src/core/lightning/backend.ts';
import { nodeId, type PaymentHash, paymentHash } from '../../../../src/core/lightning/identifiers.ts';
import type { SettlementCursor } from '../../../../src/core/lightning/settlement.ts';
import type { ApplySettlement, NewQuote, SettlementPolicy } from '../../../../src/core/ports/ledger.ts';
import type { QuotedItem } from '../../../../src/core/tickerplant/messages.ts';
import type { FlatPricing, TickPricing, TimePricing } from '../../../../src/core/tickerplant/schema.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A node of that name, on regtest. */
export function node(name: string): NodeIdentity {
  return { network: 'regtest', nodeId: nodeId(`02${digest(name)}`) };
}

/** The payment hash of that name. */
export function hash(name: string): PaymentHash {
  return paymentHash(digest(name));
}

export const NODE: NodeIdentity = node('seller');
export const PRICE: Msat = msat(200_000);

/** 100 sat a symbol for a day. */
export const FLAT: FlatPricing = { kind: 'flat', msat: 100_000n, lastsMs: 86_400_000, replayMs: 3_600_000 };
/** 5 sat a symbol and second, with a tenth of a second's grace. */
export const TIME: TimePricing = { kind: 'time', msat: 5_000n, perMs: 1000, renewBeforeMs: 200, graceMs: 100, replayMs: 500 };
/** 10 msat a row, 10 sat beforehand. */
export const TICK: TickPricing = {
  kind: 'tick',
  msat: 10n,
  prepayMsat: 10_000n,
  topUpBelowMsat: 2_000n,
  lastsMs: 30 * 86_400_000,
  replayMs: 3_600_000,
};

/** What a seller decides who says nothing. */
export const POLICY: SettlementPolicy = {
  late: 'honour',
  withdrawn: 'honour',
  overpaid: 'credit',
  underpaid: 'credit',
  duplicate: 'credit',
  tableGone: 'credit',
};

/** An item at the price of its terms. */
export function item(table: string, syms: readonly string[], terms: QuotedItem['terms'] = FLAT): QuotedItem {
  const each = terms.kind === 'tick' ? terms.prepayMsat : terms.msat;
  return { table, syms, terms, amountMsat: msat(each * BigInt(syms.length)) };
}

/** What a quote for these items asks for, with so much credit set aside: for {@link newQuote}. */
export function priced(items: readonly QuotedItem[], credit = 0n): Pick<NewQuote, 'items' | 'amountMsat' | 'creditMsat'> {
  const price = items.reduce((sum, { amountMsat }) => sum + amountMsat, 0n);
  return { items, amountMsat: msat(price - credit), creditMsat: msat(credit) };
}

/** A quote of that name for AAPL and GOOG, made at 1000, good until 5000, with a subscription of its own. */
export function newQuote(name: string, changes: Partial<NewQuote> = {}): NewQuote {
  return {
    id: name,
    subscription: `subscription of ${name}`,
    node: NODE,
    key: undefined,
    request: undefined,
    items: [item('trade', ['AAPL', 'GOOG'])],
    reason: 'asked',
    amountMsat: PRICE,
    creditMsat: msat(0),
    paymentHash: hash(name),
    paymentRequest: `lnbcrt of ${name}`,
    createdAt: 1000,
    expiresAt: 5000,
    newSubscription: { tokenId: `token of ${name}`, rootKey: digest(`root key of ${name}`) },
    ...changes,
  };
}

/** The settlement of the quote of that name: its price, at 2000. */
export function settlement(
  name: string,
  cursor: string,
  changes: { readonly received?: Msat; readonly settledAt?: number; readonly kind?: ApplySettlement['kind'] } & Partial<
    Pick<ApplySettlement, 'node' | 'source' | 'nodeCursor' | 'now' | 'epoch' | 'next' | 'policy' | 'gone' | 'dayEnds'>
  > = {},
): ApplySettlement {
  const { received = PRICE, settledAt = 2000, kind = 'settled', ...rest } = changes;
  return {
    node: NODE,
    cursor: cursor as SettlementCursor,
    kind,
    settlement: { paymentHash: hash(name), amountMsat: PRICE, receivedMsat: received, settledAt, expiresAt: 5000, label: undefined },
    now: 2500,
    epoch: 3,
    next: { trade: { AAPL: 17 } },
    policy: POLICY,
    gone: [],
    dayEnds: 50_000,
    ...rest,
  };
}
