import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StoreHandler } from './handler.ts';

/** What Express, Connect, or anything that calls `(request, response, next)` can mount. Without `next`: a listener of Node's own HTTP server. */
export type StoreMiddleware = (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void) => void;

/** The store as middleware; where it stands is where it is mounted. */
export function storeMiddleware(handler: StoreHandler): StoreMiddleware {
  return (request, response, next) => {
    handler(request, response, mountOf(request)).then(
      (handled) => {
        if (handled) return;
        if (next !== undefined) return next();
        response.writeHead(404, { 'Content-Type': 'application/json; charset=utf-8' });
        response.end('{"code":"NOT_FOUND","message":"there is nothing here","retry":"never"}\n');
      },
      (error: unknown) => {
        if (next !== undefined) next(error);
        else response.destroy();
      },
    );
  };
}

/** Express says it; Connect leaves what it has cut off in `originalUrl`. */
function mountOf(request: IncomingMessage & { readonly baseUrl?: string; readonly originalUrl?: string }): string {
  const { baseUrl, originalUrl, url = '/' } = request;
  if (baseUrl !== undefined) return baseUrl;
  if (originalUrl === undefined || !originalUrl.endsWith(url)) return '';
  return originalUrl.slice(0, originalUrl.length - url.length).replace(/\/+$/, '');
}
