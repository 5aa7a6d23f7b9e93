import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { positionAfter } from '../../../src/client/events.ts';
import { openStateDirectory } from '../../../src/client/state-directory.ts';
import { sat } from '../../../src/core/lightning/amount.ts';
import { openMarket, subscribeTo } from './support/buyer.ts';
import { Crash, Fate, mortalPayer, mortalState } from './support/fate.ts';
import type { TestPayer } from './support/payer.ts';
import type { TestTickerplant } from './support/tickerplant.ts';

const PREPAY_MSAT = 200_000n;
const ROWS = 45;

interface Run {
  readonly plant: TestTickerplant;
  readonly payer: TestPayer;
  readonly directory: string;
}

/** The server's own count: what is paid, and what the rows cost that were published. */
function balance({ plant }: Run): bigint {
  const settled = plant.quotes.filter((quote) => quote.settled).length;
  return BigInt(settled) * PREPAY_MSAT - 10_000n * BigInt(plant.rows.get('AAPL')?.length ?? 0);
}

/** Rows as far as they are paid; a top-up when little is left: the open one again, or now and then (it forgets) another one. */
function serve(run: Run, forgetful: boolean): void {
  const { plant } = run;
  while (balance(run) > 0n && (plant.rows.get('AAPL')?.length ?? 0) < ROWS) plant.publish('AAPL', 1);
  if ((plant.rows.get('AAPL')?.length ?? 0) >= ROWS) return;
  const open = plant.quotes.find((quote) => quote.reason === 'top-up' && !quote.settled);
  if (open === undefined || forgetful) plant.offer({ reason: 'top-up', amountMsat: PREPAY_MSAT });
  else plant.offerAgain(open);
}

async function live(run: Run, fate: Fate, forgetful: boolean): Promise<'done' | 'crashed'> {
  const { plant, payer, directory } = run;
  const state = openStateDirectory({ directory });
  const subscriber = subscribeTo(plant, {
    backend: mortalPayer(payer, fate),
    state: mortalState(state, fate),
    commit: 'manual',
    budgetMsat: sat(10_000),
  });
  const isDone = (): boolean => state.positions().seq('trade', 'AAPL') === ROWS;
  try {
    if (isDone()) return 'done';
    for await (const event of subscriber) {
      fate.step();
      const position = positionAfter(event);
      if (position !== undefined) state.commit([position]);
      if (event.type === 'active' || event.type === 'resumed') serve(run, forgetful);
      if (isDone()) return 'done';
    }
    return 'crashed';
  } catch (error) {
    if (error instanceof Crash) return 'crashed';
    throw error;
  } finally {
    await subscriber[Symbol.asyncDispose]();
    await state[Symbol.asyncDispose]();
  }
}

async function liveUntilDone(crashes: readonly number[], forgetful: boolean): Promise<void> {
  await using market = await openMarket();
  const { plant, payer } = market;
  plant.terms = { kind: 'tick', msat: '10000', prepayMsat: '100000' };
  const base = mkdtempSync(join(tmpdir(), 'subscriber-crash-'));
  const run: Run = { plant, payer, directory: join(base, 'state') };
  closeSync(openSync(join(base, 'out'), 'a'));
  try {
    for (const dieAt of crashes) await live(run, new Fate(dieAt), forgetful);
    expect(await live(run, new Fate(Number.POSITIVE_INFINITY), forgetful)).toBe('done');
    expect(new Set(payer.paid).size).toBe(payer.paid.length);
    // The first quote, and at least as many top-ups as the rows need; never two prepayments ahead of them.
    expect(payer.paid.length).toBeGreaterThanOrEqual(3);
    expect(balance(run)).toBeLessThan(2n * PREPAY_MSAT);
    const account = JSON.parse(readFileSync(join(run.directory, 'subscription.json'), 'utf8')) as { readonly spentMsat: string };
    const known = payer.paid.length * 201_000;
    // One may just have been paid, and not been looked at yet, when the last row came.
    expect([known, known - 201_000]).toContain(Number(account.spentMsat));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

test('killed at any single step: each top-up is paid once, and rows go on', async () => {
  for (let dieAt = 0; dieAt < 60; dieAt += 1) await liveUntilDone([dieAt], false);
}, 120_000);

test('killed again and again, with a server that forgets what it offered: none is paid that is not due', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 50 }), { minLength: 2, maxLength: 6 }), (crashes) => liveUntilDone(crashes, true)),
    // The first: killed after rows were committed and before their count was ever stored.
    { numRuns: 25, examples: [[[16, 23, 25, 20]]] },
  );
}, 120_000);
