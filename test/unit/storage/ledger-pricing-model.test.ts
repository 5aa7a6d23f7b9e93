import fc from 'fast-check';
import { expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { Ledger, SettlementPolicy } from '../../../src/core/ports/ledger.ts';
import type { Terms } from '../../../src/core/tickerplant/messages.ts';
import { findViolations } from '../../../src/storage/ledger/verify/invariants.ts';
import { directStore } from './support/direct-ledger.ts';
import { PricingModel } from './support/pricing-model.ts';
import { FLAT, hash, item, NODE, newQuote, POLICY, priced, settlement, TICK, TIME } from './support/quotes.ts';

const TABLES: readonly (readonly [string, Terms])[] = [
  ['trade', { ...FLAT, msat: 7_000n, lastsMs: 40 }],
  ['session', { ...FLAT, lastsMs: 'day', msat: 3_000n, replayMs: 5 }],
  ['quote', { ...TIME, perMs: 20, graceMs: 4, replayMs: 10 }],
  ['book', { ...TICK, lastsMs: 60 }],
];
const SYMS = ['A', '__proto__', "é'"];

/** Which of the quotes that there are, from the newest; seldom one that there is not. */
const back = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 3 }) }, { weight: 1, arbitrary: fc.integer({ min: -1, max: 30 }) });
const sub = fc.constantFrom('one', 'one', 'two');
const some = <T>(list: readonly T[], min = 0) => fc.subarray([...list], { minLength: min });
const outcome = fc.constantFrom('credit' as const, 'refund' as const);
const honour = fc.constantFrom('honour' as const, 'honour' as const, 'credit' as const, 'refund' as const);
const anyPolicy: fc.Arbitrary<SettlementPolicy> = fc.record({
  ...{ late: honour, withdrawn: honour, overpaid: outcome, underpaid: outcome, duplicate: outcome, tableGone: outcome },
});
const policy = fc.oneof({ weight: 2, arbitrary: fc.constant(POLICY) }, { weight: 1, arbitrary: anyPolicy });
const action = <Name extends string, Fields extends object>(
  name: Name,
  fields: { readonly [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> },
): fc.Arbitrary<{ readonly do: Name } & Fields> =>
  fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<{ readonly do: Name } & Fields>;

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: action('quote', {
      ...{
        again: fc.constantFrom(false, false, false, false, true),
        sub,
        tables: some([0, 1, 2, 3], 1),
        syms: some(SYMS, 1),
        lasts: fc.integer({ min: 1, max: 40 }),
      },
      ...{ credit: fc.constantFrom(0, 0.5, 1, 1, 1.5) },
    }),
  },
  {
    weight: 7,
    arbitrary: action('settle', {
      ...{ back, over: fc.constantFrom(-1, 0, 0, 3, 9_000, 20_000), policy },
      ...{ gone: fc.oneof({ weight: 3, arbitrary: fc.constant<number[]>([]) }, { weight: 1, arbitrary: some([0, 1, 2, 3], 1) }) },
    }),
  },
  { weight: 1, arbitrary: action('duplicate', { back, policy }) },
  { weight: 2, arbitrary: action('expire', {}) },
  { weight: 1, arbitrary: action('withdraw', { back }) },
  { weight: 3, arbitrary: action('lease', { sub, share: fc.constantFrom(0, 0.2, 1, 3) }) },
  {
    weight: 4,
    arbitrary: action('use', {
      ...{ sub, part: fc.constantFrom(0, 0.3, 1), close: fc.boolean(), twice: fc.boolean() },
      ...{ from: fc.integer({ min: 1, max: 60 }), rows: fc.integer({ min: 0, max: 9 }) },
    }),
  },
  { weight: 2, arbitrary: action('race', { sub, gone: fc.constantFrom([], [0]) }) },
  { weight: 1, arbitrary: action('crash', {}) },
  { weight: 1, arbitrary: action('refund', {}) },
  { weight: 4, arbitrary: action('wait', { ms: fc.integer({ min: 1, max: 30 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One run of the ledger beside the model. */
class Run {
  readonly #ledger: Ledger;
  readonly #model = new PricingModel();
  readonly #leases = new Map<string, string>();
  #refundsDone = 0n;
  #now = 1000;
  #cursor = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'quote':
        return await this.#quote(step);
      case 'settle':
        return await this.#settle(step);
      case 'duplicate':
        return await this.#duplicate(step);
      case 'expire':
        return await this.#expire();
      case 'withdraw': {
        const id = this.#id(step.back);
        const quote = this.#model.quotes.get(id);
        const withdrawn = await this.#ledger.withdrawQuote(id, this.#now);
        expect(withdrawn?.state).toBe(quote?.state === 'open' ? 'withdrawn' : undefined);
        if (quote !== undefined) this.#model.end(quote, 'withdrawn');
        return;
      }
      case 'lease':
        return await this.#lease(step);
      case 'use':
        return await this.#use(step);
      case 'race': {
        // A quote with credit ends, another takes the credit, and the first is paid all the same.
        const quote = { do: 'quote', again: false, sub: step.sub, tables: [0, 1], syms: SYMS, lasts: 1, credit: 1 } as const;
        await this.#quote({ ...quote, tables: [...quote.tables] });
        this.#now += 50;
        await this.#expire();
        await this.#quote({ ...quote, tables: [...quote.tables] });
        return await this.#settle({ do: 'settle', back: 1, over: 0, policy: POLICY, gone: [...step.gone] });
      }
      case 'crash':
        return await this.#crash();
      case 'refund': {
        const [first] = await this.#ledger.refunds();
        if (first === undefined) return;
        expect(await this.#ledger.refundDone(first.id, this.#now)).toBe(true);
        this.#refundsDone += first.msat;
        return;
      }
      case 'wait':
        this.#now += step.ms;
    }
  }

  /** The name of a quote, from the newest; that of the next one for -1. */
  #id(from: number): string {
    return `q${this.#model.quotes.size - 1 - from}`;
  }

  async #quote({ again, sub: name, tables, syms, lasts, credit }: Extract<Step, { do: 'quote' }>): Promise<void> {
    const id = this.#id(again ? 0 : -1);
    const had = this.#model.sub(name).credit;
    const items = tables.map((index) => item(TABLES[index]?.[0] ?? '', syms, TABLES[index]?.[1]));
    const price = items.reduce((sum, { amountMsat }) => sum + amountMsat, 0n);
    const wanted = (had * BigInt(credit * 2)) / 2n;
    const set = wanted < price - 1_000n ? wanted : price - 1_000n;
    const made = newQuote(id, {
      ...{ ...priced(items, set), subscription: name, createdAt: this.#now, expiresAt: this.#now + lasts },
      ...{ newSubscription: { tokenId: `token of ${name}`, rootKey: 'root key' } },
    });
    const done = this.#ledger.createQuote(made);
    if (this.#model.quotes.has(id)) expect(await done).toMatchObject({ created: false });
    else if (set > had) await expect(done).rejects.toMatchObject({ code: 'CONFLICT' });
    else {
      expect(await done).toMatchObject({ created: true });
      this.#model.quote(made);
    }
  }

  async #settle({ back: from, over, policy: decided, gone }: Extract<Step, { do: 'settle' }>): Promise<void> {
    const id = this.#id(from);
    const quote = this.#model.quotes.get(id);
    const command = settlement(id, `c${this.#cursor++}`, {
      ...{ received: msat((quote?.amount ?? 5n) + BigInt(over)), settledAt: this.#now, now: this.#now, policy: decided },
      ...{ gone: gone.map((table) => TABLES[table]?.[0] ?? ''), dayEnds: (Math.floor(this.#now / 50) + 1) * 50 },
    });
    const effect = await this.#ledger.applySettlement(command);
    if (quote === undefined) expect(effect.kind).toBe('foreign');
    else if (quote.applied) expect(effect.kind).toBe('repeated');
    else {
      const late = quote.state !== 'open' || this.#now > quote.expiresAt;
      const kept = this.#model.settle(quote, command);
      expect(effect).toMatchObject({ kind: quote.state === 'settled' ? 'granted' : 'set-aside', quote: { state: quote.state } });
      if (effect.kind !== 'granted' && effect.kind !== 'set-aside') return;
      expect(effect.credits.map(({ reason, outcome: out, msat: amount }) => [reason, out, amount])).toEqual(kept);
      if (effect.kind === 'granted') expect([effect.late, effect.balanceMsat]).toEqual([late, this.#model.sub(quote.sub).balance]);
    }
  }

  async #duplicate({ back: from, policy: decided }: Extract<Step, { do: 'duplicate' }>): Promise<void> {
    const id = this.#id(from);
    const quote = this.#model.quotes.get(id);
    const received = msat(quote?.amount ?? 5n);
    const command = settlement(id, `c${this.#cursor++}`, { kind: 'duplicate', received, policy: decided, now: this.#now });
    const kinds = [(await this.#ledger.applySettlement(command)).kind, (await this.#ledger.applySettlement(command)).kind];
    expect(kinds).toEqual(quote === undefined ? ['foreign', 'foreign'] : ['set-aside', 'repeated']);
    if (quote !== undefined) this.#model.duplicate(quote, received, decided.duplicate);
  }

  async #expire(): Promise<void> {
    const due = [...this.#model.quotes].filter(([, { state, expiresAt }]) => state === 'open' && expiresAt <= this.#now);
    const expired = await this.#ledger.expireQuotes(NODE, this.#now);
    expect(expired.map(({ id }) => id).sort()).toEqual(due.map(([id]) => id).sort());
    for (const [, quote] of due) this.#model.end(quote, 'expired');
  }

  async #lease({ sub: name, share }: Extract<Step, { do: 'lease' }>): Promise<void> {
    const model = this.#model.sub(name);
    const wanted = msat((model.balance * BigInt(share * 10)) / 10n);
    const done = this.#ledger.lease(name, wanted, this.#now);
    if (![...this.#model.quotes.values()].some((quote) => quote.sub === name))
      return void (await expect(done).rejects.toMatchObject({ code: 'CONFLICT' }));
    const { id, msat: lent, balanceMsat } = await done;
    this.#model.closeLease(model);
    const expected = wanted < model.balance ? wanted : model.balance;
    model.balance -= expected;
    expect([lent, balanceMsat]).toEqual([expected, model.balance]);
    model.lease = expected === 0n ? undefined : { id, msat: expected, spent: 0n };
    this.#leases.set(name, id);
  }

  async #use({ sub: name, part, close, twice, from, rows }: Extract<Step, { do: 'use' }>): Promise<void> {
    const lease = this.#leases.get(name);
    if (lease === undefined) return;
    const model = this.#model.sub(name);
    const spent = ((model.lease?.msat ?? 0n) * BigInt(part * 10)) / 10n;
    const use = {
      ...{ lease, spentMsat: msat(spent), close, now: this.#now },
      billed: rows === 0 ? [] : [{ table: 'book', sym: '__proto__', epoch: 3, ranges: [[from, from + rows - 1] as const] }],
    };
    if (twice) await this.#ledger.recordUse(use);
    const { balanceMsat } = await this.#ledger.recordUse(use);
    if (model.lease !== undefined) {
      if (spent > model.lease.spent) {
        this.#model.spent += spent - model.lease.spent;
        model.lease.spent = spent;
      }
      for (let seq = from; seq < from + rows; seq += 1) model.billed.add(seq);
      if (close) this.#model.closeLease(model);
    }
    expect(balanceMsat).toBe(model.balance);
  }

  async #crash(): Promise<void> {
    const open = [...this.#model.subs.values()].filter(({ lease }) => lease !== undefined);
    const left = open.reduce((sum, { lease }) => sum + (lease?.msat ?? 0n) - (lease?.spent ?? 0n), 0n);
    expect(await this.#ledger.reclaimLeases(this.#now)).toEqual({ leases: open.length, msat: left });
    for (const model of open) this.#model.closeLease(model);
  }

  /** That the ledger has what the model has, and that no msat came from anywhere or went away. */
  async check(): Promise<void> {
    let credit = 0n;
    let balance = 0n;
    for (const [name, model] of this.#model.subs) {
      const record = await this.#ledger.subscription(name);
      if (record === undefined) continue;
      expect(record.creditMsat).toBe(model.credit);
      expect(record.balanceMsat).toBe(model.balance);
      const granted = record.grants.flatMap(({ table, syms, until }) => syms.map((sym) => `${table} ${sym} ${until}`));
      expect(granted.sort()).toEqual(model.grants.map(({ table, sym, until }) => `${table} ${sym} ${until}`).sort());
      const billed = record.billed.flatMap(({ ranges }) =>
        ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)),
      );
      expect(billed).toEqual([...model.billed].sort((a, b) => a - b));
      credit += model.credit;
      balance += model.balance + (model.lease === undefined ? 0n : model.lease.msat - model.lease.spent);
      expect(model.credit >= 0n && model.balance >= 0n).toBe(true);
    }
    const { received, bought, lost, refunded, prepaid, spent } = this.#model;
    let aside = 0n;
    for (const [id, quote] of this.#model.quotes) {
      if (quote.state === 'open') aside += quote.credit;
      expect(await this.#ledger.quoteByHash(NODE, hash(id))).toMatchObject({ id, state: quote.state, creditMsat: quote.credit });
    }
    expect(await this.#ledger.counts()).toMatchObject({
      creditMsat: credit,
      balanceMsat: balance,
      refundMsat: refunded - this.#refundsDone,
    });
    expect(await this.#ledger.neededFrom(this.#now)).toBe(this.#model.neededFrom(this.#now));
    expect(received).toBe(credit + aside + refunded + bought - lost);
    expect(prepaid).toBe(balance + spent);
  }
}

test('whatever is quoted, paid, lent, spent and lost in a crash: every msat is somewhere, and the ledger verifies', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 60, size: 'max' }), async (steps) => {
      const { ledger, database } = directStore();
      try {
        const run = new Run(ledger);
        for (const [i, each] of steps.entries()) {
          await run.take(each);
          await run.check();
          if (i % 5 === 0 || i === steps.length - 1) expect(findViolations(database)).toEqual([]);
        }
      } finally {
        await ledger[Symbol.asyncDispose]();
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);
