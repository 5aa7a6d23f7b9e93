import type { IncomingMessage, ServerResponse } from 'node:http';
import { isThisMachine } from '../../core/tickerplant/address.ts';
import { AddressCount } from '../../core/tickerplant/address-count.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { type AddressList, proxiesOf } from '../shared/access/address-list.ts';
import { requestOrigin } from '../shared/access/origin.ts';
import { type Refusal, refusalOf } from './errors.ts';
import { type Exchange, send, sendJson } from './exchange.ts';
import { PAGE_HEADERS } from './pages/page.ts';
import { noticePage } from './pages/purchase.ts';
import { routeOf } from './routes.ts';
import type { StoreHandlerOptions, StoreServices } from './services.ts';

/** Answers a request. `base`: the path that the store is mounted at. False where there is no such path, and nothing was answered. */
export type StoreHandler = (request: IncomingMessage, response: ServerResponse, base: string) => Promise<boolean>;

/** Serves a store on Node's own requests and responses, so that it stands in any framework. */
export function storeHandler(options: StoreHandlerOptions): StoreHandler {
  const proxies = proxiesOf(options.trustProxy);
  const services: StoreServices = { ...options, proxies, waits: new AddressCount(options.waitsPerAddress) };
  const { logger, clock } = options;
  return async (request, response, base) => {
    const exchange = exchangeOf(request, response, base, proxies);
    const route = exchange && routeOf(exchange);
    if (exchange === undefined || route === undefined) return false;
    mask(request, route.mask);
    const startedAt = clock.now();
    let purchase: string | undefined;
    try {
      if (options.loopbackOnly && !isThisMachine(exchange.request.socket.remoteAddress ?? '127.0.0.1'))
        throw new TickerplantError('FORBIDDEN', 'this store takes play money, so it answers its own machine only');
      if (options.allow?.has(exchange.address) === false) throw new TickerplantError('FORBIDDEN', 'this address may not ask here');
      purchase = (await route.handle(services, exchange)) ?? undefined;
    } catch (error) {
      refuse(exchange, refusalOf(error, logger), options.title);
    }
    const ms = Math.round(clock.now() - startedAt);
    // The route's pattern, not the URL: a link may stand in that.
    logger.info(
      { method: request.method, route: route.pattern, status: response.statusCode, ms, ...(purchase && { purchase }) },
      'request',
    );
    return true;
  };
}

function refuse(exchange: Exchange, { status, headers, code, message, retry }: Refusal, title: string): void {
  if (exchange.response.headersSent) {
    exchange.response.destroy();
    return;
  }
  if (exchange.isBrowser) {
    const text = message.charAt(0).toUpperCase() + message.slice(1);
    send(
      exchange,
      status,
      { ...PAGE_HEADERS, ...headers },
      noticePage({ title, base: exchange.base }, HEADINGS[code] ?? 'That did not work', `${text}.`),
    );
  } else sendJson(exchange, status, { code, message, retry }, headers);
}

const HEADINGS: Readonly<Partial<Record<Refusal['code'], string>>> = {
  UNKNOWN_ITEM: 'Not for sale here',
  UNKNOWN_LINK: 'No such purchase',
  NOT_PAID: 'Not paid yet',
  EXPIRED: 'Not paid in time',
  DELIVERED: 'Delivered already',
  CHANGED: 'It is not there any more',
  REFUNDED: 'Given back',
  ITEM_UNAVAILABLE: 'Not at the moment',
  NODE_UNAVAILABLE: 'Not at the moment',
  STOPPING: 'Not at the moment',
  RATE_LIMITED: 'Not so fast',
  TOO_MANY: 'Not so fast',
};

function exchangeOf(
  request: IncomingMessage,
  response: ServerResponse,
  base: string,
  proxies: AddressList | undefined,
): Exchange | undefined {
  const [path = '/', search = ''] = splitOnce(request.url ?? '/', '?');
  let segments: string[];
  try {
    segments = path.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
  return {
    request,
    response,
    base,
    segments,
    query: Object.fromEntries(new URLSearchParams(search)),
    address: requestOrigin(request, proxies).address,
    isBrowser: /\btext\/html\b/i.test(request.headers.accept ?? ''),
  };
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** From now on whoever logs this request, such as the framework that we stand in, logs no secret. */
function mask(request: IncomingMessage & { originalUrl?: string }, masked: string | undefined): void {
  if (masked === undefined) return;
  if (request.originalUrl !== undefined) request.originalUrl = masked;
  request.url = masked;
}
