import { createHash } from 'node:crypto';
import { type Msat, msat } from '../../../../src/core/lightning/amount.ts';
import type { NodeIdentity } from '../../../../src/core/lightning/backend.ts';
import { nodeId, type PaymentHash, paymentHash } from '../../../../src/core/lightning/identifiers.ts';
import type { SettlementCursor } from '../../../../src/core/lightning/settlement.ts';
import type { ApplySettlement, NewQuote } from '../../../../src/core/ports/ledger.ts';

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

/** A quote of that name for AAPL and GOOG, made at 1000, good until 5000, with a subscription of its own. */
export function newQuote(name: string, changes: Partial<NewQuote> = {}): NewQuote {
  return {
    id: name,
    subscription: `subscription of ${name}`,
    node: NODE,
    key: undefined,
    request: undefined,
    items: [{ table: 'trade', syms: ['AAPL', 'GOOG'] }],
    amountMsat: PRICE,
    paymentHash: hash(name),
    paymentRequest: `lnbcrt of ${name}`,
    createdAt: 1000,
    expiresAt: 5000,
    lastsMs: 86_400_000,
    newSubscription: { tokenId: `token of ${name}`, rootKey: digest(`root key of ${name}`) },
    ...changes,
  };
}

/** The settlement of the quote of that name: its price, at 2000. */
export function settlement(
  name: string,
  cursor: string,
  changes: { readonly received?: Msat; readonly settledAt?: number; readonly kind?: ApplySettlement['kind'] } & Partial<
    Pick<ApplySettlement, 'node' | 'now' | 'epoch' | 'next'>
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
    ...rest,
  };
}
