import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { SettlementCursor } from '../../../src/core/lightning/settlement.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger, type SqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { hash, newQuote, node, PRICE, settlement } from './support/quotes.ts';

let store: SqliteLedger;
beforeAll(async () => {
  store = await openSqliteLedger({ path: ':memory:', logger: silentLogger });
  await store.ledger.createQuote(newQuote('the first', { newSubscription: TAKEN }));
});
afterAll(() => store[Symbol.asyncDispose]());

type Step =
  | { readonly do: 'create'; readonly quote: number; readonly key: number | undefined; readonly lasts: number }
  | { readonly do: 'settle' | 'duplicate'; readonly quote: number; readonly over: number }
  | { readonly do: 'expire' }
  | { readonly do: 'withdraw' | 'close'; readonly quote: number };

const quoteNumber = fc.integer({ min: 0, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      quote: quoteNumber,
      key: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
      lasts: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('settle' as const, 'duplicate' as const),
      quote: quoteNumber,
      over: fc.integer({ min: -1, max: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('withdraw' as const, 'close' as const), quote: quoteNumber }) },
);

interface ModelQuote {
  readonly key: string | undefined;
  readonly expiresAt: number;
  state: 'open' | 'settled' | 'expired' | 'withdrawn';
  closed: boolean;
  applied: boolean;
  grants: number;
  credit: bigint;
}

/** A credential that another subscription has already. */
const TAKEN = { tokenId: 'taken', rootKey: 'root key' };

let runs = 0;

/** One run on a node of its own in the shared ledger: so it is also shown that nodes don't meet. */
async function run(steps: readonly Step[]): Promise<void> {
  const name = `run ${runs++}`;
  const at = node(name);
  const model = new Map<string, ModelQuote>();
  let now = 1000;
  let cursor: string | undefined;
  for (const [index, action] of steps.entries()) {
    now += 1;
    const id = 'quote' in action ? `${name} quote ${action.quote}` : '';
    const known = model.get(id);
    switch (action.do) {
      case 'create': {
        const key = action.key === undefined ? undefined : `${name} key ${action.key}`;
        const expiresAt = now + action.lasts;
        const holders = [...model].filter(
          ([, quote]) => key !== undefined && quote.key === key && (quote.state === 'open' || quote.state === 'settled'),
        );
        const { created, quote } = await store.ledger.createQuote(newQuote(id, { node: at, key, createdAt: now, expiresAt }));
        expect(created).toBe(known === undefined && holders.length === 0);
        if (created) model.set(id, { key, expiresAt, state: 'open', closed: false, applied: false, grants: 0, credit: 0n });
        else expect([id, ...holders.map(([holder]) => holder)]).toContain(quote.id);
        break;
      }
      case 'settle': {
        cursor = String(index);
        const received = msat(PRICE + BigInt(action.over));
        const effect = await store.ledger.applySettlement(settlement(id, cursor, { node: at, received, settledAt: now, now }));
        if (known === undefined) expect(effect.kind).toBe('foreign');
        else if (known.applied) expect(effect.kind).toBe('repeated');
        else {
          const late = known.state !== 'open' || now > known.expiresAt;
          known.applied = true;
          known.closed = true;
          if (action.over < 0) {
            known.credit += received;
            if (known.state === 'open') known.state = 'withdrawn';
            expect(effect).toMatchObject({ kind: 'set-aside', credits: [{ reason: 'underpaid', msat: received }] });
          } else {
            known.state = 'settled';
            known.grants = 1;
            known.credit += BigInt(action.over);
            const credits = action.over > 0 ? [{ reason: 'overpaid', msat: BigInt(action.over) }] : [];
            expect(effect).toMatchObject({ kind: 'granted', late, credits });
          }
        }
        break;
      }
      case 'duplicate': {
        cursor = String(index);
        const command = settlement(id, cursor, { node: at, kind: 'duplicate', now });
        const kinds = [(await store.ledger.applySettlement(command)).kind, (await store.ledger.applySettlement(command)).kind];
        expect(kinds).toEqual(known === undefined ? ['foreign', 'foreign'] : ['set-aside', 'repeated']);
        if (known !== undefined) known.credit += PRICE;
        break;
      }
      case 'expire': {
        const due = [...model].filter(([, quote]) => quote.state === 'open' && quote.expiresAt <= now);
        const expired = await store.ledger.expireQuotes(at, now);
        expect(expired.map((quote) => quote.id).sort()).toEqual(due.map(([quote]) => quote).sort());
        for (const [, quote] of due) quote.state = 'expired';
        break;
      }
      case 'withdraw': {
        const withdrawn = await store.ledger.withdrawQuote(id, now);
        expect(withdrawn?.state).toBe(known?.state === 'open' ? 'withdrawn' : undefined);
        if (known?.state === 'open') known.state = 'withdrawn';
        break;
      }
      case 'close':
        await store.ledger.invoiceClosed(id);
        if (known !== undefined) known.closed = true;
        break;
    }
    expect(await store.ledger.cursor(at)).toBe(cursor);
  }
  for (const [id, expected] of model) {
    const quote = await store.ledger.quoteByHash(at, hash(id));
    expect(quote).toMatchObject({ id, state: expected.state, invoiceClosed: expected.closed });
    const subscription = await store.ledger.subscription(`subscription of ${id}`);
    expect(subscription?.grants).toHaveLength(expected.grants);
    expect(subscription?.creditMsat).toBe(expected.credit);
    expect(quote?.state === 'settled').toBe(expected.grants === 1);
  }
  const toCancel = [...model].filter(([, quote]) => (quote.state === 'expired' || quote.state === 'withdrawn') && !quote.closed);
  expect((await store.ledger.invoicesToCancel(at)).map((quote) => quote.id).sort()).toEqual(toCancel.map(([id]) => id).sort());
}

test('whatever the order of commands: settled means granted, once, nothing is credited twice, and the cursor moves with the effect', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), run), { numRuns: 60 });
}, 60_000);

test('commands sent together end as if sent one by one, and a failing one takes back only itself', async () => {
  const commands = fc.array(fc.record({ quote: quoteNumber, bad: fc.boolean(), settle: fc.boolean() }), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(commands, async (list) => {
      const name = `group ${runs++}`;
      const at = node(name);
      const results = await Promise.allSettled(
        list.map(({ quote, bad, settle }, i) => {
          const id = `${name} ${quote}`;
          if (bad) return store.ledger.createQuote(newQuote(`${id} bad ${i}`, { node: at, newSubscription: TAKEN }));
          if (settle) return store.ledger.applySettlement(settlement(id, String(i) as SettlementCursor, { node: at }));
          return store.ledger.createQuote(newQuote(id, { node: at }));
        }),
      );
      const created = new Set<number>();
      const settled = new Set<number>();
      for (const [i, { quote, bad, settle }] of list.entries()) {
        const result = results[i];
        if (bad) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CONFLICT' } });
        else if (settle) {
          const kind = !created.has(quote) ? 'foreign' : settled.has(quote) ? 'repeated' : 'granted';
          expect(result).toMatchObject({ status: 'fulfilled', value: { kind } });
          if (kind === 'granted') settled.add(quote);
        } else {
          expect(result).toMatchObject({ status: 'fulfilled', value: { created: !created.has(quote) } });
          created.add(quote);
        }
      }
    }),
    { numRuns: 50 },
  );
}, 60_000);
