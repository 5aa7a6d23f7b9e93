import type { Clock } from '../ports/clock.ts';
import type { PaymentIntent, PaymentIntents } from '../ports/payment-intents.ts';
import type { Random } from '../ports/random.ts';
import type { Msat } from './amount.ts';
import type { NodeIdentity } from './backend.ts';
import type { CallOptions } from './common.ts';
import { LightningError } from './errors.ts';
import { hashOfPreimage, type PaymentHash, preimage } from './identifiers.ts';
import type { DecodedInvoice, KeysendRequest, PaymentDriver, PaymentOutcome, Payments, PayRequest } from './payment.ts';

/** What {@link idempotentPayments} leans on. */
export interface IdempotentPaymentsDependencies {
  /** Asked at every payment; an adapter remembers it. */
  readonly identity: () => Promise<NodeIdentity>;
  readonly intents: PaymentIntents;
  readonly clock: Clock;
  readonly random: Random;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const KEYSEND_KNOWN_AFTER_MS = 3_600_000;
const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 2_000;

/**
 * Makes {@link Payments} of an adapter's driver: the durable intent is written before the node is told, one attempt is
 * in flight per payment hash, a second call joins it, and after a crash the node's record decides what the first did.
 */
export function idempotentPayments(driver: PaymentDriver, dependencies: IdempotentPaymentsDependencies): Payments {
  return new IdempotentPayments(driver, dependencies);
}

type Intended = Omit<PaymentIntent, 'attempts' | 'outcome'>;
type Attempt = () => Promise<PaymentOutcome>;

class IdempotentPayments implements Payments {
  readonly #driver: PaymentDriver;
  readonly #dependencies: IdempotentPaymentsDependencies;
  readonly #inFlight = new Map<string, Promise<PaymentOutcome>>();

  constructor(driver: PaymentDriver, dependencies: IdempotentPaymentsDependencies) {
    this.#driver = driver;
    this.#dependencies = dependencies;
  }

  async pay(request: PayRequest, options: CallOptions = {}): Promise<PaymentOutcome> {
    const decoded = await this.#driver.decode(request.paymentRequest, options);
    const amountMsat = amountToPay(request, decoded);
    const node = await this.#dependencies.identity();
    if (decoded.network !== node.network) {
      throw new LightningError('WRONG_NETWORK', `the invoice is for ${decoded.network}, the node is on ${node.network}`, {
        operation: 'pay',
      });
    }
    const intended: Intended = {
      node,
      paymentHash: decoded.paymentHash,
      paymentRequest: request.paymentRequest,
      keysend: undefined,
      amountMsat,
      maxFeeMsat: request.maxFeeMsat,
      createdAt: this.#dependencies.clock.now(),
      expiresAt: decoded.expiresAt,
    };
    const flight = this.#join(flightKey(node, decoded.paymentHash), () =>
      this.#run(intended, () => this.#driver.attempt({ ...request, decoded }), request.timeoutMs),
    );
    return await abortable(flight, options.signal);
  }

  async keysend(request: KeysendRequest, options: CallOptions = {}): Promise<PaymentOutcome> {
    const attemptKeysend = this.#driver.attemptKeysend?.bind(this.#driver);
    if (attemptKeysend === undefined) {
      throw new LightningError('UNSUPPORTED', 'this backend has no keysend', { operation: 'keysend' });
    }
    const node = await this.#dependencies.identity();
    // Joined by key, since until the intent is found or made there is no hash to join by.
    const flight = this.#join(`key ${node.network} ${node.nodeId} ${request.key}`, async () => {
      const known = await this.#dependencies.intents.findKeysend(node, request.key);
      const secret = known?.keysend?.preimage ?? preimage(Buffer.from(this.#dependencies.random.bytes(32)).toString('hex'));
      const now = this.#dependencies.clock.now();
      const intended: Intended = {
        node,
        paymentHash: hashOfPreimage(secret),
        paymentRequest: undefined,
        keysend: { key: request.key, preimage: secret },
        amountMsat: request.amountMsat,
        maxFeeMsat: request.maxFeeMsat,
        createdAt: now,
        expiresAt: (known?.createdAt ?? now) + KEYSEND_KNOWN_AFTER_MS,
      };
      return await this.#join(flightKey(node, intended.paymentHash), () =>
        this.#run(intended, () => attemptKeysend({ ...request, preimage: secret }), request.timeoutMs),
      );
    });
    return await abortable(flight, options.signal);
  }

  async lookup(hash: PaymentHash, options: CallOptions = {}): Promise<PaymentOutcome | undefined> {
    const node = await this.#dependencies.identity();
    if (this.#inFlight.has(flightKey(node, hash))) {
      const seen = await this.#driver.lookup(hash, options);
      // While our own attempt runs, a failed part is not a failed payment.
      return seen?.status === 'settled' ? seen : { status: 'pending', paymentHash: hash };
    }
    const intent = await this.#dependencies.intents.find(node, hash);
    if (intent?.outcome?.status === 'settled') return intent.outcome;
    const seen = await this.#driver.lookup(hash, options);
    if (intent === undefined) return seen;
    if (seen === undefined && intent.outcome?.status === 'failed') return intent.outcome;
    const outcome = seen ?? this.#withoutRecord(intent);
    await this.#dependencies.intents.record(node, hash, outcome);
    return outcome;
  }

  list: Payments['list'] = (request = {}, options = {}) => this.#driver.list(request, options);

  decode: Payments['decode'] = (paymentRequest, options = {}) => this.#driver.decode(paymentRequest, options);

  #join(key: string, start: Attempt): Promise<PaymentOutcome> {
    const running = this.#inFlight.get(key);
    if (running !== undefined) return running;
    const flight = start().finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, flight);
    return flight;
  }

  async #run(intended: Intended, attempt: Attempt, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<PaymentOutcome> {
    const { clock, intents } = this.#dependencies;
    const { node, paymentHash } = intended;
    const earlier = await intents.find(node, paymentHash);
    if (earlier !== undefined && earlier.outcome?.status !== 'failed') {
      const outcome = await this.#outcomeOf(earlier, timeoutMs);
      if (outcome.status !== 'failed') return outcome;
    }
    if (intended.expiresAt <= clock.now()) {
      return { status: 'failed', paymentHash, reason: 'expired', detail: 'the invoice has expired' };
    }
    const { begun, intent } = await intents.begin(intended);
    // Somebody else who shares the store began in between: theirs is the attempt, we only watch it.
    if (!begun) return await this.#outcomeOf(intent, timeoutMs);
    return await this.#attempt(intended, attempt);
  }

  async #attempt({ node, paymentHash }: Intended, attempt: Attempt): Promise<PaymentOutcome> {
    const { intents } = this.#dependencies;
    let outcome: PaymentOutcome;
    try {
      outcome = await attempt();
    } catch (error) {
      const harmless = error instanceof LightningError && error.retry !== 'lookup-first';
      if (harmless) {
        await intents.record(node, paymentHash, { status: 'failed', paymentHash, reason: 'error', detail: error.message });
        throw error;
      }
      outcome = { status: 'unknown', paymentHash, detail: error instanceof Error ? error.message : 'the attempt ended without an answer' };
    }
    await intents.record(node, paymentHash, outcome);
    return outcome;
  }

  /** What became of an attempt that is not ours to wait for any more: asks the node's record until it is final or time is up. */
  async #outcomeOf(intent: PaymentIntent, timeoutMs: number): Promise<PaymentOutcome> {
    const { clock, intents } = this.#dependencies;
    if (intent.outcome?.status === 'settled' || intent.outcome?.status === 'failed') return intent.outcome;
    const deadline = clock.now() + timeoutMs;
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, LONGEST_POLL_MS)) {
      const outcome = (await this.#driver.lookup(intent.paymentHash)) ?? this.#withoutRecord(intent);
      const final = outcome.status === 'settled' || outcome.status === 'failed';
      const left = deadline - clock.now();
      if (final || left <= 0) {
        await intents.record(intent.node, intent.paymentHash, outcome);
        return outcome;
      }
      await clock.sleep(Math.min(pause, left));
    }
  }

  /** What it means that the node has no record of an attempt that we intended and that is not in flight here. */
  #withoutRecord(intent: PaymentIntent): PaymentOutcome {
    const { paymentHash } = intent;
    if (this.#driver.recordIsImmediate) {
      return { status: 'failed', paymentHash, reason: 'error', detail: 'the node was never told to pay' };
    }
    if (intent.expiresAt <= this.#dependencies.clock.now()) {
      return { status: 'failed', paymentHash, reason: 'expired', detail: 'the invoice has expired and the node has no payment of it' };
    }
    return { status: 'unknown', paymentHash, detail: 'the node has no record of the attempt yet' };
  }
}

function flightKey(node: NodeIdentity, hash: PaymentHash): string {
  return `hash ${node.network} ${node.nodeId} ${hash}`;
}

function amountToPay(request: PayRequest, decoded: DecodedInvoice): Msat {
  const invalid = (message: string) => new LightningError('INVALID_ARGUMENT', message, { operation: 'pay' });
  if (decoded.amountMsat !== undefined) {
    if (request.amountMsat !== undefined) throw invalid('the invoice has an amount of its own: leave the amount out');
    return decoded.amountMsat;
  }
  if (request.amountMsat === undefined) throw invalid('the invoice has no amount: say how much to pay');
  if (request.amountMsat === 0n) throw invalid('the amount to pay is zero');
  return request.amountMsat;
}

/** The flight goes on without a caller who has had enough: others may have joined it, and the node was told already. */
function abortable<T>(flight: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return flight;
  return new Promise((resolve, reject) => {
    const abort = () =>
      reject(
        new LightningError('ABORTED', 'gave up waiting; the payment may still go through, look it up', {
          operation: 'pay',
          cause: signal.reason,
        }),
      );
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    flight.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
