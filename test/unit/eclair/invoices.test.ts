import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EclairBackend } from '../../../src/adapters/eclair/backend.ts';
import { eclairConfigSchema } from '../../../src/adapters/eclair/config.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { paymentHash, preimage } from '../../../src/core/lightning/identifiers.ts';
import type { CreateInvoice } from '../../../src/core/lightning/invoice.ts';
import { eclairRecordings, named } from '../../fixtures/wire/recordings.ts';
import { dependencies } from '../shared/adapter-dependencies.ts';
import { type Answer, ApiServer, recorded } from './api-server.ts';

let server: ApiServer;
let eclair: EclairBackend;

beforeEach(async () => {
  server = await ApiServer.started({ '/getreceivedinfo': () => recorded('getreceivedinfo unknown') });
  eclair = made();
});
afterEach(async () => {
  await eclair[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function made(): EclairBackend {
  return new EclairBackend(eclairConfigSchema.parse({ kind: 'eclair', url: server.url, password: server.password }), dependencies());
}

const HASH = paymentHash('41e7813c91b7e084f4ce84c27d8522f155a318ec34e9f9b0643e546400294126');
const REQUEST: CreateInvoice = { amountMsat: msat(200_500n), description: 'Invoice:trade| AAPL GOOGL\n', expirySeconds: 3600 };

/** A node that keeps what was made, signs, and knows nothing else. */
function keepInvoices(): Map<string, unknown> {
  const kept = new Map<string, unknown>();
  const template = named(eclairRecordings(), 'createinvoice').body as Record<string, unknown>;
  server.on('/signmessage', () => ({ body: { nodeId: template['nodeId'], message: 'm', signature: 'ab'.repeat(65) } }));
  server.on('/createinvoice', (form) => {
    const secret = form['paymentPreimage'] ?? '77'.repeat(32);
    const hash = createHash('sha256').update(secret, 'hex').digest('hex');
    if (kept.has(hash)) return recorded('createinvoice same preimage');
    const { amount: _amount, description: _description, ...rest } = template;
    const amount = form['amountMsat'] === undefined ? {} : { amount: Number(form['amountMsat']) };
    const invoice = { ...rest, ...amount, description: form['description'], expiry: Number(form['expireIn']), paymentHash: hash };
    kept.set(hash, invoice);
    return { body: invoice };
  });
  server.on('/getreceivedinfo', (form) => {
    const invoice = kept.get(form['paymentHash'] ?? '');
    if (invoice === undefined) return recorded('getreceivedinfo unknown');
    return { body: { ...(recorded('getreceivedinfo pending').body as object), invoice } };
  });
  return kept;
}

test('an invoice is asked for with all that was asked, and the expiry always', async () => {
  server.on('/createinvoice', () => recorded('createinvoice')).on('/channels', () => recorded('channels normal'));
  const invoice = await eclair.invoices.create({ ...REQUEST, privateHints: true });
  expect(invoice).toMatchObject({ paymentHash: HASH, state: 'open', amountMsat: 200_500n });
  expect(server.called('/createinvoice')).toEqual([{ amountMsat: '200500', description: 'Invoice:trade| AAPL GOOGL\n', expireIn: '3600' }]);
  const hidden = JSON.parse(
    JSON.stringify(recorded('channels normal').body).replaceAll('"announceChannel":true', '"announceChannel":false'),
  ) as unknown;
  server.on('/channels', () => ({ body: hidden }));
  await eclair.invoices.create({ ...REQUEST, amountMsat: 'any', description: { sha256: 'AB'.repeat(32) }, privateHints: true });
  expect(server.called('/createinvoice').at(-1)).toEqual({
    descriptionHash: 'ab'.repeat(32),
    expireIn: '3600',
    privateChannelIds: 'f78a460e12473febd4d5c2fc7a044975f309ef98faa79195d990f23a3661375d',
  });
});

test('a preimage that was used is refused at once: eclair would be silent for 30 s', async () => {
  keepInvoices();
  const secret = preimage('33'.repeat(32));
  const first = await eclair.invoices.create({ ...REQUEST, preimage: secret });
  expect(first.paymentHash).toBe(createHash('sha256').update(secret, 'hex').digest('hex'));
  await expect(eclair.invoices.create({ ...REQUEST, preimage: secret })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(server.called('/createinvoice')).toHaveLength(1);
});

test('the same label answers the first invoice, also after a restart of ours, and other wishes are refused', async () => {
  keepInvoices();
  const first = await eclair.invoices.create({ ...REQUEST, label: 'quote-1' });
  expect(first.label).toBe('quote-1');
  await using again = made();
  expect(await again.invoices.create({ ...REQUEST, label: 'quote-1' })).toEqual(first);
  expect((await again.invoices.lookup(first.paymentHash))?.label).toBe('quote-1');
  await expect(again.invoices.create({ ...REQUEST, label: 'quote-1', amountMsat: msat(1n) })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  expect((await again.invoices.create({ ...REQUEST, label: 'quote-2' })).paymentHash).not.toBe(first.paymentHash);
  expect(server.called('/createinvoice')).toHaveLength(2);
});

test('the same label twice at once makes one invoice', async () => {
  keepInvoices();
  const [one, other] = await Promise.all([
    eclair.invoices.create({ ...REQUEST, label: 'l' }),
    eclair.invoices.create({ ...REQUEST, label: 'l' }),
  ]);
  expect(one).toEqual(other);
  expect(server.called('/createinvoice')).toHaveLength(1);
});

test('an answer that is lost after the invoice was made is found again by its label', async () => {
  const kept = keepInvoices();
  const invoice = await eclair.invoices.create({ ...REQUEST, label: 'lost' });
  const body = kept.get(invoice.paymentHash);
  kept.clear();
  server.on('/createinvoice', () => {
    kept.set(invoice.paymentHash, body);
    return 'hang up';
  });
  expect((await eclair.invoices.create({ ...REQUEST, label: 'lost' })).paymentHash).toBe(invoice.paymentHash);
});

test('a node that signs no messages keeps labels for this process', async () => {
  keepInvoices();
  server.on('/signmessage', () => recorded('unknown endpoint'));
  const first = await eclair.invoices.create({ ...REQUEST, label: 'l' });
  expect((await eclair.invoices.create({ ...REQUEST, label: 'l' })).paymentHash).toBe(first.paymentHash);
});

test('what eclair cannot do is refused before it is asked', async () => {
  for (const bad of [{ hold: { paymentHash: HASH } }, { finalCltvDelta: 40 }]) {
    await expect(eclair.invoices.create({ ...REQUEST, ...bad })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  }
  for (const bad of [
    { expirySeconds: 0.5 },
    { amountMsat: 0n as never },
    { description: 'x'.repeat(640) },
    { description: { sha256: 'zz' } },
  ]) {
    await expect(eclair.invoices.create({ ...REQUEST, ...bad })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  await expect(eclair.invoices.settleHeld(preimage('11'.repeat(32)))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  expect(server.called('/createinvoice')).toEqual([]);
});

test('404 is an invoice that is not there, or no more', async () => {
  expect(await eclair.invoices.lookup(HASH)).toBeUndefined();
});

test('cancelling: looked up first and after, since eclair says "deleted" of anything', async () => {
  server.on('/deleteinvoice', () => recorded('deleteinvoice unknown'));
  await expect(eclair.invoices.cancel(HASH)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(server.called('/deleteinvoice')).toEqual([]);
  const states = ['getreceivedinfo pending', 'getreceivedinfo unknown'];
  server.on('/getreceivedinfo', () => recorded(states.shift() ?? 'getreceivedinfo unknown'));
  await eclair.invoices.cancel(HASH);
  await eclair.invoices.cancel(HASH);
  expect(server.called('/deleteinvoice')).toHaveLength(1);
  server.on('/getreceivedinfo', () => recorded('getreceivedinfo expired'));
  await eclair.invoices.cancel(HASH);
  server.on('/getreceivedinfo', () => recorded('getreceivedinfo received'));
  await expect(eclair.invoices.cancel(HASH)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a payment that wins the race against cancelling is a conflict, whichever way it shows', async () => {
  const race = (deleted: string) => {
    const states = ['getreceivedinfo pending', 'getreceivedinfo received'];
    server
      .on('/getreceivedinfo', () => recorded(states.shift() ?? 'getreceivedinfo received'))
      .on('/deleteinvoice', () => recorded(deleted));
  };
  race('deleteinvoice received');
  await expect(eclair.invoices.cancel(HASH)).rejects.toMatchObject({ code: 'CONFLICT' });
  race('deleteinvoice');
  await expect(eclair.invoices.cancel(HASH)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('pages: oldest first, each once, though several were made in one second and one is purged in between', async () => {
  const template = named(eclairRecordings(), 'createinvoice').body as Record<string, unknown>;
  let all = Array.from({ length: 12 }, (_, index) => ({
    ...template,
    paymentHash: String(index).padStart(64, '0'),
    timestamp: 1_000_000 + Math.floor(index / 5),
  }));
  const page = (form: Readonly<Record<string, string>>): Answer => ({
    body: all
      .filter((one) => one.timestamp > Number(form['from']))
      .slice(Number(form['skip']), Number(form['skip']) + Number(form['count'])),
  });
  server.on('/listinvoices', page).on('/listpendinginvoices', page);
  server.on('/getreceivedinfo', ({ paymentHash: hash }) => {
    const invoice = all.find((one) => one.paymentHash === hash);
    if (invoice === undefined) return recorded('getreceivedinfo unknown');
    const status = Number(hash) % 3 === 0 ? 'getreceivedinfo expired' : 'getreceivedinfo pending';
    return { body: { ...(recorded(status).body as object), invoice } };
  });
  const numbers: number[] = [];
  let after: string | undefined;
  for (let pages = 0; pages === 0 || after !== undefined; pages++) {
    const { items, next } = await eclair.invoices.list({ limit: 4, ...(after === undefined ? {} : { after }) });
    numbers.push(...items.map((invoice) => Number(invoice.paymentHash)));
    after = next;
    if (pages === 0) all = all.filter((one) => Number(one.paymentHash) !== 1);
  }
  expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect((await eclair.invoices.list({ state: 'expired', limit: 10 })).items.map((invoice) => Number(invoice.paymentHash))).toEqual([
    0, 3, 6, 9,
  ]);
  expect((await eclair.invoices.list({ state: 'open', limit: 2 })).items).toHaveLength(2);
  expect(await eclair.invoices.list({ state: 'cancelled' })).toEqual({ items: [], next: undefined });
  await expect(eclair.invoices.list({ after: '1' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
