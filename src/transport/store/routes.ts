import type { PurchaseRecord } from '../../core/ports/purchases.ts';
import { itemPath } from '../../core/store/item-path.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { challenge } from '../shared/challenge.ts';
import { type Credential, credentialOf } from '../shared/credential.ts';
import { type Exchange, send, sendJson } from './exchange.ts';
import { PAGE_HEADERS, type Shop } from './pages/page.ts';
import { noticePage, purchasePage } from './pages/purchase.ts';
import { itemPage, shopPage } from './pages/shop.ts';
import { sendItem } from './send-item.ts';
import type { StoreServices } from './services.ts';

/** An operation; answers the id of the purchase that it was about, for the log. */
export interface StoreRoute {
  readonly pattern: string;
  /** The request's URL as it may be logged, where it holds a link. */
  readonly mask?: string;
  handle(services: StoreServices, exchange: Exchange): Promise<string | undefined>;
}

const LONGEST_WAIT_SECONDS = 60;
/** How long a proven payment is waited for that the node has not told of yet. */
const PROVEN_WAIT_MS = 10_000;

/** The operation that a request means; undefined where there is none. */
export function routeOf({ segments, base }: Exchange): StoreRoute | undefined {
  const [first, ...rest] = segments;
  if (first === '' && rest.length === 0) return methods('/', { GET: shop });
  if (first === 'items' && rest.length > 0 && rest[0] !== '') {
    return methods('/items/:item', {
      GET: (services, exchange) => item(services, exchange, rest.join('/')),
      POST: (services, exchange) => order(services, exchange, rest.join('/')),
    });
  }
  const [link = '', action, ...more] = rest;
  if (first !== 'p' || link === '' || more.length > 0) return undefined;
  const masked = (tail: string) => ({ mask: `${base}/p/***${tail}` });
  if (action === undefined)
    return { ...methods('/p/:link', { GET: (services, exchange) => purchase(services, exchange, link) }), ...masked('') };
  if (action === 'item')
    return { ...methods('/p/:link/item', { GET: (services, exchange) => fetchItem(services, exchange, link) }), ...masked('/item') };
  if (action === 'status')
    return { ...methods('/p/:link/status', { GET: (services, exchange) => status(services, exchange, link) }), ...masked('/status') };
  return undefined;
}

type Handle = StoreRoute['handle'];

function methods(pattern: string, by: { readonly GET?: Handle; readonly POST?: Handle }): StoreRoute {
  return {
    pattern,
    async handle(services, exchange) {
      const { method } = exchange.request;
      const handle = method === 'GET' || method === 'HEAD' ? by.GET : method === 'POST' ? by.POST : undefined;
      if (handle !== undefined) return await handle(services, exchange);
      const allow = ['GET', 'HEAD', ...(by.POST === undefined ? [] : ['POST'])].join(', ');
      sendJson(exchange, 405, { code: 'METHOD_NOT_ALLOWED', message: `this takes ${allow}`, retry: 'never' }, { Allow: allow });
      return undefined;
    },
  };
}

async function shop({ store, title }: StoreServices, exchange: Exchange): Promise<undefined> {
  const listings = await store.listings();
  if (exchange.isBrowser) return void send(exchange, 200, PAGE_HEADERS, shopPage({ title, base: exchange.base }, listings));
  const items = listings.map(({ id, priceMsat, unlisted: _, ...listing }) => ({
    item: id,
    url: `${exchange.base}/items/${itemPath(id)}`,
    ...listing,
    priceMsat: String(priceMsat),
  }));
  sendJson(exchange, 200, { title, items });
}

/** What a credential has bought is delivered; a browser is shown what it costs; a program is asked to pay. */
async function item(services: StoreServices, exchange: Exchange, id: string): Promise<string | undefined> {
  const { store, title } = services;
  const credential = credentialOf(exchange.request);
  if (credential !== undefined) return await redeem(services, exchange, id, credential);
  const listing = await store.listing(id);
  if (exchange.isBrowser)
    return void send(exchange, 200, PAGE_HEADERS, itemPage({ title, base: exchange.base }, listing, itemPath(id, exchange.query)));
  // Who only looks is told what there is, and makes no invoice.
  if (exchange.request.method === 'HEAD') return void sendJson(exchange, 402, {});
  const { link, purchase: made } = await store.buy({ item: id, parameters: exchange.query, address: exchange.address });
  return paymentRequired(services, exchange, made, link);
}

async function order(services: StoreServices, exchange: Exchange, id: string): Promise<string> {
  const { store } = services;
  const { link, purchase: made } = await store.buy({ item: id, parameters: exchange.query, address: exchange.address });
  const path = `${exchange.base}/p/${link}`;
  // After this a reload shows the same purchase.
  if (exchange.isBrowser) send(exchange, 303, { Location: path }, '');
  else sendJson(exchange, 201, { purchase: purchaseMessage(services, exchange, made, link) }, { Location: path });
  return made.id;
}

async function redeem(services: StoreServices, exchange: Exchange, id: string, credential: Credential): Promise<string> {
  const { store } = services;
  let bought = await store.byCredential(credential);
  if (bought.item !== itemPath(id, exchange.query))
    throw new TickerplantError('BAD_TOKEN', 'this token is of another purchase, not of what the URL names');
  if (bought.state !== 'settled') {
    // The node tells of a payment a moment after its payer knows.
    bought = await store.whenClosed(bought, PROVEN_WAIT_MS, goneSignal(exchange));
    if (bought.state !== 'settled')
      throw new TickerplantError('NODE_UNAVAILABLE', "the payment is proven, but the seller's node has not told of it yet; ask again");
  }
  await sendItem(store, exchange, bought);
  return bought.id;
}

async function purchase(services: StoreServices, exchange: Exchange, link: string): Promise<string> {
  const { store, clock, title } = services;
  const found = await store.byLink(link);
  const url = `${exchange.base}/p/${link}`;
  if (exchange.isBrowser) {
    const over =
      found.state === 'expired' || (found.state === 'settled' && (found.delivered >= found.deliveries || found.refundedAt !== undefined));
    send(exchange, over ? 410 : 200, PAGE_HEADERS, purchasePage({ title, base: exchange.base }, found, url, clock.now()));
    return found.id;
  }
  if (found.state === 'settled') {
    await sendItem(store, exchange, found);
    return found.id;
  }
  return unpaid(services, exchange, found, link);
}

async function fetchItem(services: StoreServices, exchange: Exchange, link: string): Promise<string> {
  const { store, title } = services;
  const found = await store.byLink(link);
  if (found.state === 'settled') await sendItem(store, exchange, found);
  else if (exchange.isBrowser) {
    const shopOf: Shop = { title, base: exchange.base };
    send(
      exchange,
      402,
      PAGE_HEADERS,
      noticePage(shopOf, 'Not paid yet', 'The address of this purchase, without the last part, shows what to pay.'),
    );
  } else return unpaid(services, exchange, found, link);
  return found.id;
}

/** How a purchase stands; waits for the payment, so many seconds. */
async function status(services: StoreServices, exchange: Exchange, link: string): Promise<string> {
  const { store, waits } = services;
  const text = exchange.query['wait'] ?? '0';
  const seconds = Number(text);
  if (!/^\d{1,3}$/.test(text) || seconds > LONGEST_WAIT_SECONDS)
    throw new TickerplantError('BAD_REQUEST', `wait: seconds, at most ${LONGEST_WAIT_SECONDS}`);
  let found = await store.byLink(link);
  if (seconds > 0 && found.state === 'open') {
    const place = waits.take(exchange.address);
    try {
      found = await store.whenClosed(found, seconds * 1000, goneSignal(exchange));
    } finally {
      place[Symbol.dispose]();
    }
  }
  sendJson(exchange, 200, statusMessage(found));
  return found.id;
}

function unpaid(services: StoreServices, exchange: Exchange, found: PurchaseRecord, link: string): string {
  if (found.state === 'open' && found.expiresAt > services.clock.now()) return paymentRequired(services, exchange, found, link);
  sendJson(exchange, 410, { code: 'EXPIRED', message: 'it was not paid in time, and nothing was taken; buy it again', retry: 'never' });
  return found.id;
}

function paymentRequired(services: StoreServices, exchange: Exchange, made: PurchaseRecord, link: string): string {
  const body = {
    code: 'PAYMENT_REQUIRED',
    message: 'pay the invoice, then ask again with the token and the preimage, or fetch the link',
    retry: 'later',
    purchase: purchaseMessage(services, exchange, made, link),
  };
  sendJson(exchange, 402, body, { 'WWW-Authenticate': challenge(services.store.tokenOf(made), made.paymentRequest) });
  return made.id;
}

function purchaseMessage(services: StoreServices, exchange: Exchange, made: PurchaseRecord, link: string) {
  return {
    ...statusMessage(made),
    link: `${originOf(services, exchange)}${exchange.base}/p/${link}`,
    invoice: made.paymentRequest,
    token: services.store.tokenOf(made),
  };
}

function statusMessage({ id, item: url, title, state, amountMsat, expiresAt, deliveries, delivered, paymentHash }: PurchaseRecord) {
  return {
    id,
    item: url,
    title,
    state,
    amountMsat: String(amountMsat),
    paymentHash,
    expiresAt: new Date(expiresAt).toISOString(),
    deliveries,
    delivered,
  };
}

const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** `https://cats.example`; nothing, so that links are paths, where the request does not say. */
function originOf({ publicUrl, proxies }: StoreServices, { request }: Exchange): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
  const host = request.headers.host ?? '';
  if (!HOST.test(host)) return '';
  const isSecure =
    'encrypted' in request.socket ||
    (proxies?.has(request.socket.remoteAddress ?? '') === true && request.headers['x-forwarded-proto'] === 'https');
  return `${isSecure ? 'https' : 'http'}://${host}`;
}

function goneSignal({ response }: Exchange): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}
