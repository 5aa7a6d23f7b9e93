import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { QuoteItem } from '../../core/tickerplant/messages.ts';
import type { Pricing } from '../../core/tickerplant/schema.ts';
import type { SubscribeRequest } from '../../core/tickerplant/service.ts';
import type { Holder } from '../../core/tickerplant/token-access.ts';
import { type Credential, credentialOf, provesPayment } from '../shared/credential.ts';
import { quoteMessage } from '../shared/messages.ts';
import { PaymentRequired } from './errors.ts';
import { type Message, quoteStatusMessage } from './messages.ts';
import type { Call } from './route.ts';
import type { Services } from './services.ts';
import { nobody } from './stream/stream-sink.ts';

/** How long a proven payment is waited for that the node has not told of yet. */
const PROVEN_WAIT_MS = 10_000;
/** Visible characters, since a header can carry no others safely. */
export const IDEMPOTENCY_KEY: RegExp = /^[!-~]{1,256}$/;

/** What is asked for; `table` `'*'` for every table. */
export interface Wanted {
  readonly table: string;
  readonly syms: readonly string[] | '*';
  /** How it is to be quoted, where it has not been paid for. */
  readonly pricing?: Pricing['kind'] | undefined;
}

/** Whoever may have what was asked for, and what that stands for by name. */
export interface Authorized {
  readonly holder: Holder;
  readonly items: readonly QuoteItem[];
}

/** Asks for a quote as a buyer without a connection. `token`: for its subscription. @throws TickerplantError as `BuyerConnection.subscribe`. */
export async function quoteFor(
  services: Services,
  call: Call,
  request: SubscribeRequest,
): Promise<{ readonly kind: 'quote'; readonly message: Message } | { readonly kind: 'granted' }> {
  const buyer = services.tickerplant.connect({ address: call.address, sink: nobody, quotesOnly: true });
  try {
    const result = await buyer.subscribe(request);
    return result.kind === 'quote' ? { kind: 'quote', message: quoteMessage(result.offer, undefined) } : { kind: 'granted' };
  } finally {
    buyer.close();
  }
}

/** The idempotency key of a request. @throws TickerplantError `BAD_REQUEST`. */
export function keyOf({ request }: Call): { readonly key?: string } {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return {};
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key)) {
    throw new TickerplantError('BAD_REQUEST', 'Idempotency-Key: must be 1 to 256 visible ASCII characters, without a space');
  }
  return { key };
}

/** Whose token a request brought; undefined where it brought none. @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED`. */
export async function holderOf(services: Services, credential: Credential | undefined): Promise<Holder | undefined> {
  if (credential === undefined) return undefined;
  const holder = await services.access.holder(credential.token);
  provesPayment(credential, holder);
  return holder;
}

/** The same for requests that need one. @throws TickerplantError `BAD_TOKEN` where there is none. */
export async function needHolder(services: Services, call: Call): Promise<{ readonly holder: Holder; readonly credential: Credential }> {
  const credential = credentialOf(call.request.raw);
  const holder = await holderOf(services, credential);
  if (credential === undefined || holder === undefined) {
    throw new TickerplantError('BAD_TOKEN', 'this needs a token: Authorization: L402 <macaroon>:<preimage>, or Bearer <macaroon>');
  }
  return { holder, credential };
}

/**
 * Lets through whoever has paid for what is wanted; without `wanted`, for anything.
 * @throws PaymentRequired with a quote for what is missing, on the credential's subscription where there is one; TickerplantError.
 */
export async function authorize(
  services: Services,
  call: Call,
  wanted: Wanted | undefined,
  credential: Credential | undefined = credentialOf(call.request.raw),
): Promise<Authorized> {
  const { access } = services;
  const { pricing, ...asked } = wanted ?? { table: '*', syms: '*' };
  let holder = await holderOf(services, credential);
  if (holder?.state === 'unpaid' && credential !== undefined) holder = await settled(services, call, holder, credential);
  const { items, missing } = access.coverage(holder, asked.table, asked.syms);
  if (holder !== undefined && holder.state === 'live' && (wanted === undefined || missing.length === 0)) return { holder, items };
  if (holder?.state === 'ended' && wanted === undefined) {
    throw new TickerplantError('TOKEN_EXPIRED', 'everything that was paid for has ended; name table and syms to be quoted anew');
  }
  if (holder?.narrowed === true && holder.state === 'unpaid') {
    throw new TickerplantError('NOT_SETTLED', 'no payment for this token has arrived yet; whoever has the whole token can pay');
  }
  const open = holder === undefined || holder.narrowed ? undefined : access.openQuote(holder);
  // The same invoice again, where it is for the same: nobody is to be asked to pay twice.
  if (open !== undefined && (wanted === undefined || isSame(open.items, missing))) throw new PaymentRequired(quoteStatusMessage(open));
  const quoted = await quoteFor(services, call, {
    ...asked,
    ...keyOf(call),
    ...(pricing !== undefined && { pricing }),
    ...(holder !== undefined && { token: holder.token }),
  });
  if (quoted.kind === 'quote') throw new PaymentRequired(quoted.message);
  throw new TickerplantError('NOT_SETTLED', 'a payment has just arrived; ask again');
}

/** The node tells of a payment a moment after its payer knows: whoever proves it is not asked to pay, but waits. */
async function settled(services: Services, call: Call, holder: Holder, credential: Credential): Promise<Holder> {
  if (!provesPayment(credential, holder)) return holder;
  const { access } = services;
  const gone = new AbortController();
  call.reply.raw.once('close', () => gone.abort());
  const paid = access.whenPaid(holder.subscription, PROVEN_WAIT_MS, gone.signal);
  // It may have come between the two looks.
  let again = await access.holder(holder.token);
  if (again.state === 'unpaid' && (await paid)) again = await access.holder(holder.token);
  gone.abort();
  if (again.state !== 'unpaid') return again;
  throw new TickerplantError('NODE_UNAVAILABLE', "the payment is proven, but the seller's node has not told of it yet; ask again");
}

function isSame(some: readonly QuoteItem[], others: readonly QuoteItem[]): boolean {
  const text = (items: readonly QuoteItem[]) => JSON.stringify(items.map(({ table, syms }) => [table, [...syms].sort()]).sort());
  return text(some) === text(others);
}
