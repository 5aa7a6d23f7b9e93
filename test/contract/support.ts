import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Msat, msat, sat } from '../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../src/core/lightning/backend.ts';
import type { LightningErrorCode } from '../../src/core/lightning/errors.ts';
import { type PaymentHash, type Preimage, preimage } from '../../src/core/lightning/identifiers.ts';
import type { CreateInvoice, Invoice } from '../../src/core/lightning/invoice.ts';
import type { PaymentOutcome } from '../../src/core/lightning/payment.ts';
import type { Settlement, SettlementCursor, SettlementEvent } from '../../src/core/lightning/settlement.ts';

/** A fee cap that no test network asks for. */
export const AMPLE_FEE: Msat = sat(5_000);

const patience = new AsyncLocalStorage<number>();

/** Runs a body in which every wait of this module has `factor` times as long as it says. */
export function withPatience<T>(factor: number, body: () => Promise<T>): Promise<T> {
  return patience.run(factor, body);
}

function stretched(deadlineMs: number): number {
  return deadlineMs * (patience.getStore() ?? 1);
}

/** Asks again until the condition gives something other than undefined or false. @throws at the deadline, saying what was awaited. */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs = 30_000,
): Promise<T> {
  const withinMs = stretched(deadlineMs);
  const end = Date.now() + withinMs;
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 500)) {
    const value = await condition();
    if (value !== undefined && value !== false) return value as T;
    if (Date.now() > end) assert.fail(`not within ${withinMs} ms: ${what}`);
    await sleep(pause);
  }
}

/** An invoice of the backend's: 12 345 msat for an hour unless told otherwise. */
export function invoiceOf(backend: LightningBackend, request: Partial<CreateInvoice> = {}): Promise<Invoice> {
  return backend.invoices.create({ amountMsat: msat(12_345), description: 'contract', expirySeconds: 3600, ...request });
}

/** Pays and insists that it settles. */
export async function payNow(
  backend: LightningBackend,
  paymentRequest: string,
  options: { readonly amountMsat?: Msat; readonly maxFeeMsat?: Msat } = {},
): Promise<Extract<PaymentOutcome, { status: 'settled' }>> {
  const outcome = await backend.payments.pay({ paymentRequest, maxFeeMsat: AMPLE_FEE, ...options });
  const settled = outcome.status === 'settled' ? outcome : await untilSettled(backend, outcome.paymentHash);
  return settled;
}

/** Waits until a payment that may be pending has settled. */
export function untilSettled(backend: LightningBackend, hash: PaymentHash): Promise<Extract<PaymentOutcome, { status: 'settled' }>> {
  return eventually(`payment ${hash} settles`, async () => {
    const outcome = await backend.payments.lookup(hash);
    assert.notEqual(
      outcome?.status,
      'failed',
      JSON.stringify(outcome, (_key, value) => (typeof value === 'bigint' ? String(value) : value)),
    );
    return outcome?.status === 'settled' ? outcome : undefined;
  });
}

const RESTING_MS = 500;

/**
 * What the channels hold locally, once it stays the same: a payer has the preimage a few messages before its commitment is
 * without the payment.
 */
export function restingBalance(backend: LightningBackend): Promise<Msat> {
  return eventually('the balance of the channels rests', async () => {
    const { localMsat } = await backend.channels.balances();
    await sleep(RESTING_MS);
    return (await backend.channels.balances()).localMsat === localMsat ? localMsat : undefined;
  });
}

/** Reads settlements after a cursor until `enough` of them say so; breaks off then. */
export async function follow(
  backend: LightningBackend,
  after: SettlementCursor | undefined,
  enough: (events: readonly SettlementEvent[]) => boolean,
  deadlineMs = 30_000,
): Promise<readonly SettlementEvent[]> {
  const events: SettlementEvent[] = [];
  const stop = new AbortController();
  const withinMs = stretched(deadlineMs);
  const timer = setTimeout(() => stop.abort(), withinMs);
  try {
    for await (const event of backend.invoices.settlements({ signal: stop.signal, ...(after === undefined ? {} : { after }) })) {
      events.push(event);
      if (enough(events)) return events;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  return assert.fail(`not within ${withinMs} ms: enough settlements; there were ${events.map((event) => event.kind).join(', ') || 'none'}`);
}

/** The settlements among events. */
export function settledIn(events: readonly SettlementEvent[]): readonly Settlement[] {
  return events.flatMap((event) => (event.kind === 'settled' ? [event.settlement] : []));
}

/** Whether a payment hash is among the settled. */
export function hasSettled(events: readonly SettlementEvent[], hash: PaymentHash): boolean {
  return settledIn(events).some((settlement) => settlement.paymentHash === hash);
}

/** Insists that a call is refused with one of the codes. */
export async function refused(call: Promise<unknown>, ...codes: readonly LightningErrorCode[]): Promise<void> {
  const error = await call.then(
    (value) => assert.fail(`expected ${codes.join(' or ')}, but it answered ${typeof value}`),
    (reason: unknown) => reason as { readonly name?: string; readonly code?: string; readonly message?: string },
  );
  assert.equal(error.name, 'LightningError', `expected a LightningError, it was ${error.name}: ${error.message}`);
  assert.ok(
    (codes as readonly string[]).includes(error.code ?? ''),
    `expected ${codes.join(' or ')}, it was ${error.code}: ${error.message}`,
  );
}

/** A fresh preimage. */
export function freshPreimage(): Preimage {
  return preimage(randomBytes(32).toString('hex'));
}

/** A name that no other case uses. */
export function freshLabel(): string {
  return `contract-${randomBytes(8).toString('hex')}`;
}

/** Every item of a list that comes in pages. */
export async function allPages<T>(
  page: (after: string | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let after: string | undefined;
  for (let turn = 0; turn < 10_000; turn += 1) {
    const { items: some, next } = await page(after);
    items.push(...some);
    if (next === undefined) return items;
    assert.notEqual(next, after, 'a page names itself as the next one');
    after = next;
  }
  return assert.fail('the pages never end');
}
