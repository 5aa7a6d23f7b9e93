import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PurchaseRecord } from '../../core/ports/purchases.ts';
import type { Content } from '../../core/store/items.ts';
import type { Store } from '../../core/store/store.ts';
import { type Exchange, sendJson, setHeaders } from './exchange.ts';

/** A buyer that takes nothing for so long has gone. */
const STALLED_MS = 60_000;

/** Shown by browsers in a window of their own; anything else, which might be a program, is saved. */
const SHOWN = /^(?:text\/plain|image\/(?:png|jpeg|gif|webp|avif)|audio\/|video\/)/;

/**
 * Delivers what was bought. It counts when the last byte was handed to the network; what broke off before does not. A delivery that broke off can
 * be gone on with (`Range: bytes=N-`), which counts as one when it comes to the end; other ranges are answered with the whole.
 * @throws StoreError, as long as nothing was sent.
 */
export async function sendItem(store: Store, exchange: Exchange, purchase: PurchaseRecord): Promise<PurchaseRecord | undefined> {
  const { request, response } = exchange;
  if (request.method === 'HEAD') {
    const content = await store.open(purchase);
    response.statusCode = 200;
    setHeaders(response, headersOf(content, purchase));
    response.end();
    await content[Symbol.asyncDispose]();
    return undefined;
  }
  const delivery = await store.deliver(purchase);
  const { content } = delivery;
  let sent = 0;
  try {
    const start = startOf(request, content, purchase);
    if (content.size !== undefined && start > 0 && start >= content.size) {
      sendJson(
        exchange,
        416,
        { code: 'BAD_REQUEST', message: 'there is nothing from there on', retry: 'never' },
        {
          'Content-Range': `bytes */${content.size}`,
        },
      );
      await delivery.brokenOff(0);
      return undefined;
    }
    response.statusCode = start > 0 ? 206 : 200;
    setHeaders(response, headersOf(content, purchase, start));
    response.setTimeout(STALLED_MS, () => response.destroy());
    const counted = async function* () {
      for await (const chunk of content.read(start)) {
        sent += chunk.length;
        yield chunk;
      }
      if (content.size !== undefined && start + sent !== content.size) throw new Error('what was bought became shorter while it was sent');
    };
    await pipeline(Readable.from(counted(), { objectMode: false }), response, { signal: delivery.superseded });
    // In this turn: whoever stops the store now waits for it.
    return await delivery.completed();
  } catch (error) {
    // Counted or not, it was sent: what could not be recorded is the store's loss.
    if (response.writableFinished) throw error;
    response.destroy();
    await delivery.brokenOff(sent);
    return undefined;
  } finally {
    await content[Symbol.asyncDispose]();
  }
}

function headersOf(content: Content, { id, state }: PurchaseRecord, start = 0): Readonly<Record<string, string>> {
  const { contentType, filename, size } = content;
  const disposition = SHOWN.test(contentType) ? 'inline' : 'attachment';
  return {
    'Content-Type': contentType,
    'Content-Disposition': filename === undefined ? disposition : `${disposition}; ${filenames(filename)}`,
    // Whatever it is, it runs nothing, and reaches nothing of this site.
    'Content-Security-Policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'",
    ...(size !== undefined && {
      'Content-Length': String(size - start),
      'Accept-Ranges': 'bytes',
      ...(start > 0 && { 'Content-Range': `bytes ${start}-${size - 1}/${size}` }),
    }),
    ...(state === 'settled' && { ETag: `"${id}"` }),
  };
}

/** RFC 6266: in plain letters for old programs, and as it is. */
function filenames(filename: string): string {
  const plain = filename.replaceAll(/[^\x20-\x7e]/g, '_').replaceAll(/["\\]/g, '_');
  const full = encodeURIComponent(filename.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `filename="${plain}"; filename*=UTF-8''${full}`;
}

/** From where on it is wanted; 0 for the whole. */
function startOf({ headers }: IncomingMessage, { size }: Content, { id }: PurchaseRecord): number {
  const match = /^bytes=(\d{1,15})-$/.exec(headers.range ?? '');
  const condition = headers['if-range'];
  if (size === undefined || match === null || (condition !== undefined && condition !== `"${id}"`)) return 0;
  return Number(match[1]);
}
