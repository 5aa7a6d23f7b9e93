import type { ApplySettlement, NewQuote } from '../../../../src/core/ports/ledger.ts';
import type { QuotedItem, Terms } from '../../../../src/core/tickerplant/messages.ts';

/** A quote as the model has it. */
export interface ModelQuote {
  readonly sub: string;
  readonly items: readonly QuotedItem[];
  readonly amount: bigint;
  readonly credit: bigint;
  readonly expiresAt: number;
  state: 'open' | 'settled' | 'expired' | 'withdrawn';
  applied: boolean;
}

interface ModelGrant {
  readonly table: string;
  readonly sym: string;
  readonly kind: string;
  readonly grantedAt: number;
  readonly until: number;
  readonly endsAt: number;
  readonly replayMs: number;
}

/** A subscription as the model has it. */
export interface ModelSubscription {
  credit: bigint;
  balance: bigint;
  lease: { readonly id: string; readonly msat: bigint; spent: bigint } | undefined;
  readonly grants: ModelGrant[];
  readonly billed: Set<number>;
}

/** What the ledger has to do, in the plainest way: sums, and nothing that is ever looked up twice. */
export class PricingModel {
  readonly quotes: Map<string, ModelQuote> = new Map();
  readonly subs: Map<string, ModelSubscription> = new Map();
  /** Everything that came over Lightning, what it bought, and what the seller let go by honouring what had ended. */
  received = 0n;
  bought = 0n;
  lost = 0n;
  refunded = 0n;
  prepaid = 0n;
  spent = 0n;

  sub(id: string): ModelSubscription {
    let found = this.subs.get(id);
    if (found === undefined) {
      found = { credit: 0n, balance: 0n, lease: undefined, grants: [], billed: new Set() };
      this.subs.set(id, found);
    }
    return found;
  }

  quote({ id, subscription, items, amountMsat, creditMsat, expiresAt }: NewQuote): void {
    this.sub(subscription).credit -= creditMsat;
    this.quotes.set(id, { sub: subscription, items, amount: amountMsat, credit: creditMsat, expiresAt, state: 'open', applied: false });
  }

  end(quote: ModelQuote, state: 'expired' | 'withdrawn'): void {
    if (quote.state !== 'open') return;
    quote.state = state;
    this.sub(quote.sub).credit += quote.credit;
  }

  /** Answers what bought nothing: reason, outcome and amount. */
  settle(quote: ModelQuote, { settlement, policy, gone, now, dayEnds }: ApplySettlement): readonly (readonly [string, string, bigint])[] {
    const sub = this.sub(quote.sub);
    const paid = settlement.receivedMsat;
    this.received += paid;
    quote.applied = true;
    const timing =
      quote.state === 'withdrawn' ? 'withdrawn' : quote.state === 'open' && settlement.settledAt <= quote.expiresAt ? undefined : 'late';
    const live = quote.items.filter(({ table }) => !gone.includes(table));
    const aside = (reason: 'underpaid' | 'late' | 'withdrawn' | 'table-gone', outcome: 'credit' | 'refund') => {
      this.end(quote, reason === 'late' ? 'expired' : 'withdrawn');
      return this.#keep(sub, [[reason, outcome, paid]]);
    };
    if (paid < quote.amount) return aside('underpaid', policy.underpaid);
    if (timing !== undefined) {
      const outcome = policy[timing];
      if (outcome !== 'honour') return aside(timing, outcome);
    }
    if (live.length === 0) return aside('table-gone', policy.tableGone);
    let missing = 0n;
    if (quote.state !== 'open') {
      const there = sub.credit < quote.credit ? sub.credit : quote.credit;
      sub.credit -= there;
      missing = quote.credit - there;
    }
    quote.state = 'settled';
    let goneMsat = 0n;
    for (const item of quote.items) if (!live.includes(item)) goneMsat += item.amountMsat;
    for (const item of live) this.#grant(sub, item, now, dayEnds);
    const back = goneMsat > missing ? goneMsat - missing : 0n;
    this.lost += missing > goneMsat ? missing - goneMsat : 0n;
    return this.#keep(sub, [
      ['table-gone', policy.tableGone, back],
      ['overpaid', policy.overpaid, paid - quote.amount],
    ]);
  }

  duplicate(quote: ModelQuote, paid: bigint, outcome: 'credit' | 'refund'): void {
    this.received += paid;
    this.#keep(this.sub(quote.sub), [['duplicate', outcome, paid]]);
  }

  closeLease(sub: ModelSubscription): void {
    if (sub.lease === undefined) return;
    sub.balance += sub.lease.msat - sub.lease.spent;
    sub.lease = undefined;
  }

  /** The time from which on rows are needed. */
  neededFrom(now: number): number | undefined {
    const needs = [...this.subs.values()]
      .flatMap(({ grants }) => grants)
      .filter(({ endsAt }) => endsAt > now)
      .map(({ grantedAt, replayMs }) => Math.max(grantedAt, now - replayMs));
    return needs.length === 0 ? undefined : Math.min(...needs);
  }

  #grant(sub: ModelSubscription, { table, syms, terms, amountMsat }: QuotedItem, now: number, dayEnds: number): void {
    this.bought += amountMsat;
    if (terms.kind === 'tick') {
      sub.balance += amountMsat;
      this.prepaid += amountMsat;
    }
    const earlier = [...sub.grants];
    for (const sym of syms) {
      const running = earlier.filter((grant) => grant.table === table && grant.sym === sym && grant.kind !== 'tick' && grant.endsAt >= now);
      const from = terms.kind === 'time' && running.length > 0 ? Math.max(...running.map(({ until }) => until)) : now;
      const { until, endsAt } = endsAtOf(terms, from, dayEnds);
      sub.grants.push({ table, sym, kind: terms.kind, grantedAt: now, until, endsAt, replayMs: terms.replayMs });
    }
  }

  #keep(sub: ModelSubscription, list: readonly (readonly [string, string, bigint])[]): readonly (readonly [string, string, bigint])[] {
    const some = list.filter(([, , msat]) => msat > 0n);
    for (const [, outcome, msat] of some) {
      if (outcome === 'credit') sub.credit += msat;
      else this.refunded += msat;
    }
    return some;
  }
}

/** Until when something is paid, and until when rows come, that begins at a time. */
function endsAtOf(terms: Terms, from: number, dayEnds: number): { readonly until: number; readonly endsAt: number } {
  switch (terms.kind) {
    case 'time':
      return { until: from + terms.perMs, endsAt: from + terms.perMs + terms.graceMs };
    case 'flat': {
      const until = terms.lastsMs === 'day' ? dayEnds : from + terms.lastsMs;
      return { until, endsAt: until };
    }
    case 'tick':
      return { until: from + terms.lastsMs, endsAt: from + terms.lastsMs };
  }
}
