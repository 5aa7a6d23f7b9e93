import { type Msat, msat } from '../core/lightning/amount.ts';
import type { NodeIdentity } from '../core/lightning/backend.ts';
import { LightningError } from '../core/lightning/errors.ts';
import type { PaymentOutcome } from '../core/lightning/payment.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';
import { type Account, type Purchase, purchaseOf, withPurchase } from './account.ts';
import type { Backoff } from './backoff.ts';
import { SubscriberError } from './errors.ts';
import type { SubscriberEvent } from './events.ts';
import { checkInvoice, feeCap, type Payer, type Spending } from './quote-check.ts';
import { afterPayment } from './standing.ts';

/** What {@link settlePurchase} works with. */
export interface SettlePurchase {
  /** The quote that the account has a purchase of. */
  readonly quote: string;
  readonly payer: Payer;
  readonly spending: Spending;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly signal: AbortSignal;
  readonly payTimeoutMs: number;
  /** The account as it is stored now. */
  account(): Account;
  /** Changes the account as it is then and stores it, one change after the other; nothing goes on before it is durable. */
  update(change: (account: Account) => Account): Promise<void>;
  /** Whether a wallet that has been away for so long is to be given up; asked only while nothing is in flight. */
  givenUp(): boolean;
}

type Settled = Extract<PaymentOutcome, { readonly status: 'settled' }>;

/**
 * Brings a purchase with an offer to its end: `paid`, or `expired` where its invoice ran out and was never paid. Whatever an
 * earlier process did is looked up first, and what is pending or unknown is waited for, however long: it may have cost money.
 * @throws SubscriberError `BUDGET`, `BAD_QUOTE`, `PAYMENT_FAILED`, `UNAVAILABLE`: nothing is in flight; `WALLET`, `WRONG_WALLET`:
 * what an earlier run may have in flight stays counted.
 */
export async function* settlePurchase(job: SettlePurchase): AsyncGenerator<SubscriberEvent, 'paid' | 'expired'> {
  const { payer, signal, clock } = job;
  for (;;) {
    const { purchase, offer } = current(job);
    try {
      const node = await payer.node.identity({ signal });
      if (purchase.payer !== undefined && (purchase.payer.nodeId !== node.nodeId || purchase.payer.network !== node.network)) {
        throw new SubscriberError(
          'WRONG_WALLET',
          `its payment was begun with node ${purchase.payer.nodeId}, this wallet is ${node.nodeId}`,
        );
      }
      const known = await payer.payments.lookup(offer.paymentHash, { signal });
      if (known?.status === 'settled') return yield* settled(job, offer, known);
      if (known === undefined || known.status === 'failed') {
        await release(job);
        if (clock.now() >= offer.expiresAt) return 'expired';
        await checkInvoice(offer, payer, clock.now(), signal);
        const maxFeeMsat = await reserve(job, offer, node);
        const { reason, quote, paymentHash, amountMsat } = offer;
        yield { type: 'paying', quote, reason, paymentHash, amountMsat, maxFeeMsat };
        const outcome = await pay(job, offer, maxFeeMsat);
        if (outcome.status === 'settled') return yield* settled(job, offer, outcome);
        if (outcome.status === 'failed') {
          await release(job);
          throw new SubscriberError('PAYMENT_FAILED', `the payment failed, nothing was paid: ${outcome.reason}, ${outcome.detail}`);
        }
        yield waiting(`the payment is ${outcome.status}`);
      } else {
        yield waiting(`the payment is ${known.status}`);
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof LightningError)) throw error;
      if (error.retry === 'never') {
        throw new SubscriberError('WALLET', `the wallet refuses: ${error.message}`, { cause: error });
      }
      if (current(job).purchase.stage !== 'paying' && job.givenUp()) {
        throw new SubscriberError('UNAVAILABLE', `the wallet's node is away, nothing was paid: ${error.message}`, { cause: error });
      }
      yield waiting(`the wallet: ${error.message}`);
    }
    await clock.sleep(job.backoff.next(), signal);
  }
}

function current(job: SettlePurchase): { readonly purchase: Purchase; readonly offer: QuoteOffer } {
  const purchase = purchaseOf(job.account(), job.quote);
  if (purchase?.offer === undefined) throw new TypeError('a purchase without an offer can not be settled');
  return { purchase, offer: purchase.offer };
}

/** Sets amount and fee cap aside, against what is left at that moment: another payment may be under way beside this one. */
async function reserve(job: SettlePurchase, offer: QuoteOffer, payer: NodeIdentity): Promise<Msat> {
  let maxFeeMsat = msat(0);
  await job.update((account) => {
    const purchase = purchaseOf(account, job.quote);
    if (purchase === undefined) throw new TypeError('the purchase is gone');
    maxFeeMsat = feeCap(offer, account, job.spending);
    const reservedMsat = msat(offer.amountMsat + maxFeeMsat);
    return withPurchase(account, job.quote, { ...purchase, stage: 'paying', payer, at: job.clock.now(), reservedMsat });
  });
  return maxFeeMsat;
}

async function pay(job: SettlePurchase, offer: QuoteOffer, maxFeeMsat: Msat): Promise<PaymentOutcome> {
  try {
    const request = { paymentRequest: offer.invoice, maxFeeMsat, timeoutMs: job.payTimeoutMs };
    return await job.payer.payments.pay(request, { signal: job.signal });
  } catch (error) {
    // Refused before the node was told to pay: another wallet may take over.
    if (error instanceof LightningError && error.retry === 'never') await release(job);
    throw error;
  }
}

async function* settled(job: SettlePurchase, offer: QuoteOffer, outcome: Settled): AsyncGenerator<SubscriberEvent, 'paid'> {
  const { amountMsat, feeMsat, settledAt } = outcome;
  const paidMsat: Msat = msat(amountMsat + feeMsat);
  await job.update((account) => {
    const purchase = purchaseOf(account, job.quote);
    if (purchase === undefined) throw new TypeError('the purchase is gone');
    const now = job.clock.now();
    // After a crash it may have been long ago; never before the wallet was told to pay.
    const at = Math.min(now, Math.max(settledAt ?? now, purchase.at ?? now));
    return {
      ...withPurchase(account, job.quote, { ...purchase, stage: 'paid', at, reservedMsat: msat(0), paidMsat }),
      spentMsat: msat(account.spentMsat + paidMsat),
      standing: afterPayment(account.standing, offer, at),
    };
  });
  job.backoff.reset();
  const { reason, quote, paymentHash } = offer;
  yield { type: 'paid', quote, reason, paymentHash, amountMsat, feeMsat };
  return 'paid';
}

/** Frees what was set aside: the payment is known not to have been made. */
async function release(job: SettlePurchase): Promise<void> {
  if (current(job).purchase.stage === 'quoted') return;
  await job.update((account) => {
    const purchase = purchaseOf(account, job.quote);
    if (purchase === undefined) return account;
    const { payer: _payer, at: _at, ...rest } = purchase;
    return withPurchase(account, job.quote, { ...rest, stage: 'quoted', reservedMsat: msat(0) });
  });
}

function waiting(detail: string): SubscriberEvent {
  return { type: 'status', state: 'waiting', detail };
}
