import { type Msat, msat } from '../core/lightning/amount.ts';
import { LightningError } from '../core/lightning/errors.ts';
import type { PaymentOutcome } from '../core/lightning/payment.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';
import type { Account, Purchase } from './account.ts';
import type { Backoff } from './backoff.ts';
import { SubscriberError } from './errors.ts';
import type { SubscriberEvent } from './events.ts';
import { checkInvoice, feeCap, type Payer, type Spending } from './quote-check.ts';

/** What {@link settlePurchase} works with. */
export interface SettlePurchase {
  readonly payer: Payer;
  readonly spending: Spending;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly signal: AbortSignal;
  readonly payTimeoutMs: number;
  /** The account as it is stored now. */
  account(): Account;
  /** Stores the account; nothing goes on before it is durable. */
  save(account: Account): Promise<void>;
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
    const purchase = job.account().purchase;
    const offer = purchase?.offer;
    if (purchase === undefined || offer === undefined) throw new TypeError('a purchase without an offer can not be settled');
    try {
      const node = await payer.node.identity({ signal });
      if (purchase.payer !== undefined && (purchase.payer.nodeId !== node.nodeId || purchase.payer.network !== node.network)) {
        throw new SubscriberError(
          'WRONG_WALLET',
          `its payment was begun with node ${purchase.payer.nodeId}, this wallet is ${node.nodeId}`,
        );
      }
      const known = await payer.payments.lookup(offer.paymentHash, { signal });
      if (known?.status === 'settled') return yield* settled(job, purchase, offer, known);
      if (known === undefined || known.status === 'failed') {
        const free = await release(job, purchase);
        if (clock.now() >= offer.expiresAt) return 'expired';
        await checkInvoice(offer, payer, clock.now(), signal);
        const maxFeeMsat = feeCap(offer, job.account(), job.spending);
        const reserved: Purchase = { ...free, stage: 'paying', payer: node, reservedMsat: msat(offer.amountMsat + maxFeeMsat) };
        await job.save({ ...job.account(), purchase: reserved });
        yield { type: 'paying', quote: offer.quote, paymentHash: offer.paymentHash, amountMsat: offer.amountMsat, maxFeeMsat };
        const outcome = await pay(job, reserved, offer, maxFeeMsat);
        if (outcome.status === 'settled') return yield* settled(job, reserved, offer, outcome);
        if (outcome.status === 'failed') {
          await release(job, reserved);
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
      if (job.account().purchase?.stage !== 'paying' && job.givenUp()) {
        throw new SubscriberError('UNAVAILABLE', `the wallet's node is away, nothing was paid: ${error.message}`, { cause: error });
      }
      yield waiting(`the wallet: ${error.message}`);
    }
    await clock.sleep(job.backoff.next(), signal);
  }
}

async function pay(job: SettlePurchase, purchase: Purchase, offer: QuoteOffer, maxFeeMsat: Msat): Promise<PaymentOutcome> {
  try {
    const request = { paymentRequest: offer.invoice, maxFeeMsat, timeoutMs: job.payTimeoutMs };
    return await job.payer.payments.pay(request, { signal: job.signal });
  } catch (error) {
    // Refused before the node was told to pay: another wallet may take over.
    if (error instanceof LightningError && error.retry === 'never') await release(job, purchase);
    throw error;
  }
}

async function* settled(
  job: SettlePurchase,
  purchase: Purchase,
  offer: QuoteOffer,
  outcome: Settled,
): AsyncGenerator<SubscriberEvent, 'paid'> {
  const account = job.account();
  const paidMsat: Msat = msat(outcome.amountMsat + outcome.feeMsat);
  await job.save({
    ...account,
    spentMsat: msat(account.spentMsat + paidMsat),
    purchase: { ...purchase, stage: 'paid', reservedMsat: msat(0), paidMsat },
  });
  job.backoff.reset();
  yield { type: 'paid', quote: offer.quote, paymentHash: offer.paymentHash, amountMsat: outcome.amountMsat, feeMsat: outcome.feeMsat };
  return 'paid';
}

/** Frees what was set aside: the payment is known not to have been made. */
async function release(job: SettlePurchase, purchase: Purchase): Promise<Purchase> {
  if (purchase.stage === 'quoted') return purchase;
  const { payer: _, ...rest } = purchase;
  const free: Purchase = { ...rest, stage: 'quoted', reservedMsat: msat(0) };
  await job.save({ ...job.account(), purchase: free });
  return free;
}

function waiting(detail: string): SubscriberEvent {
  return { type: 'status', state: 'waiting', detail };
}
