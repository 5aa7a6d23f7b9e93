// Receives a listener's webhooks: checks the signature, takes each event once. Needs nothing but Node.
//   WEBHOOK_SECRET=… node receive.mjs
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

/** Posts that are older than this (seconds) were recorded by somebody and are played back. */
const TOLERANCE = 300;

/**
 * Whether a post came from the listener, as it is, just now.
 * @param {string} secret the config's `secret`
 * @param {Record<string, string | string[] | undefined>} headers
 * @param {string} body the body as it came, before JSON.parse
 * @param {number} now seconds since 1970
 * @returns {boolean}
 */
export function verify(secret, headers, body, now = Date.now() / 1000) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false;
  if (!(Math.abs(now - Number(timestamp)) <= TOLERANCE)) return false;
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret, 'utf8');
  const expected = Buffer.from(`v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`);
  return signatures.split(' ').some((one) => {
    const given = Buffer.from(one);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  // A program that means it keeps these in its database, and the effect with them.
  const taken = new Set();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (!verify(process.env.WEBHOOK_SECRET ?? '', request.headers, body)) return response.writeHead(401).end();
    const { id, kind, invoice } = JSON.parse(body);
    // The same event may come again: whoever has it already says so and does nothing.
    if (!taken.has(id)) console.log(kind, invoice.paymentHash, invoice.receivedMsat ?? invoice.amountMsat, 'msat');
    taken.add(id);
    response.writeHead(204).end();
  });
  server.listen(5021, '127.0.0.1', () => console.log('listening on http://127.0.0.1:5021'));
}
