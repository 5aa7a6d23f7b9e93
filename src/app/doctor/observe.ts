import type { CredentialFact } from '../../adapters/shared/definition.ts';
import { msat } from '../../core/lightning/amount.ts';
import type { LightningBackend, NodeIdentity, NodeInfo } from '../../core/lightning/backend.ts';
import type { Channel } from '../../core/lightning/channel.ts';
import { isLightningError, LightningError } from '../../core/lightning/errors.ts';
import { outpoint } from '../../core/lightning/identifiers.ts';
import type { Invoice } from '../../core/lightning/invoice.ts';
import type { Clock } from '../../core/ports/clock.ts';

/** An answer, or how the asking failed. */
export type Asked<T> = { readonly value: T } | { readonly error: LightningError };

/** The one invoice that was made, between two looks at our clock, and what became of it. */
export interface TinyInvoice {
  readonly invoice: Invoice;
  readonly before: number;
  readonly after: number;
  readonly lookedUp: Asked<Invoice | undefined>;
  readonly cancelled: Asked<void>;
}

/** Everything that was asked. What was not worth asking, since the node is away, is undefined. */
export interface Observations {
  readonly info: Asked<NodeInfo>;
  readonly credentials: Asked<readonly CredentialFact[]> | undefined;
  readonly invoice: Asked<TinyInvoice> | undefined;
  readonly identity: Asked<NodeIdentity> | undefined;
  readonly channels: Asked<readonly Channel[]> | undefined;
  readonly payments: Asked<unknown> | undefined;
  /** Whether a call that only a spender may make was refused for another reason than the credential. */
  readonly spending: Asked<void> | undefined;
}

/** What asking needs. */
export interface ObserveOptions {
  readonly backend: LightningBackend;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly inspectCredentials: (() => Promise<readonly CredentialFact[]>) | undefined;
}

/** No channel has it: a funding transaction's id is never zero. */
const NO_CHANNEL = outpoint(`${'0'.repeat(64)}:0`);
const NO_POLICY = { baseFeeMsat: msat(1000), feeRatePpm: 1, cltvDelta: 80 };
const TINY = msat(1000);
const EXPIRY_SECONDS = 60;

/**
 * Asks the node, one thing after the other. Changes nothing there but for one invoice of a satoshi, which is made before
 * anything else where the node may not be asked who it is (it then is learnt from that invoice), and withdrawn at once.
 */
export async function observe({ backend, clock, signal, inspectCredentials }: ObserveOptions): Promise<Observations> {
  const ask = <T>(operation: string, call: () => Promise<T>) => asked(operation, signal, call);
  const info = await ask('node.info', () => backend.node.info({ signal }));
  const credentials = inspectCredentials === undefined ? undefined : await ask('credentials', inspectCredentials);
  const nothing = { invoice: undefined, identity: undefined, channels: undefined, payments: undefined, spending: undefined };
  if ('error' in info && info.error.code !== 'UNAUTHENTICATED') return { info, credentials, ...nothing };
  const invoice = await ask('invoices.create', () => tinyInvoice(backend, clock, signal));
  // Where not even an invoice can be made, asking who it is might try to make another.
  const identity = 'error' in invoice && 'error' in info ? undefined : await ask('node.identity', () => backend.node.identity({ signal }));
  const channels = await ask('channels.list', () => backend.channels.list({ state: 'active' }, { signal }));
  const payments = await ask('payments.list', () => backend.payments.list({ limit: 1 }, { signal }));
  const spending = await ask('channels.setPolicy', () => backend.channels.setPolicy(NO_CHANNEL, NO_POLICY, { signal }));
  return { info, credentials, invoice, identity, channels, payments, spending };
}

async function tinyInvoice(backend: LightningBackend, clock: Clock, signal: AbortSignal): Promise<TinyInvoice> {
  const before = clock.now();
  const request = { amountMsat: TINY, description: 'tickerplant backend doctor', expirySeconds: EXPIRY_SECONDS };
  const invoice = await backend.invoices.create(request, { signal });
  const after = clock.now();
  const { paymentHash } = invoice;
  const lookedUp = await asked('invoices.lookup', signal, () => backend.invoices.lookup(paymentHash, { signal }));
  const cancelled = await asked('invoices.cancel', signal, () => backend.invoices.cancel(paymentHash, { signal }));
  return { invoice, before, after, lookedUp, cancelled };
}

/** The answer or the error; the end of the wait also where an adapter does not hear the signal. */
export async function asked<T>(operation: string, signal: AbortSignal, call: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await within(operation, signal, call()) };
  } catch (error) {
    if (isLightningError(error) && error.code !== 'ABORTED') return { error };
    if (signal.aborted) return { error: late(operation) };
    const message = error instanceof Error ? error.message : String(error);
    return { error: new LightningError('INTERNAL', message, { operation, cause: error }) };
  }
}

function within<T>(operation: string, signal: AbortSignal, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(late(operation));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function late(operation: string): LightningError {
  return new LightningError('TIMEOUT', 'the node did not answer in time', { operation, retry: 'safe' });
}
