import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import express from 'express';
import { fastify } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { type CreateStoreOptions, computed, createStore, type EmbeddedStore, openSimulatedNetwork, rows, sat } from '../../../src/index.ts';

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Sold {
  readonly link: string;
  readonly invoice: string;
  readonly token: string;
}

/** A store with a computed answer and a table, and who buys. */
async function open(options: Partial<CreateStoreOptions> = {}) {
  const network = await openSimulatedNetwork();
  closing.push(() => network[Symbol.asyncDispose]());
  let computedTimes = 0;
  const items = [
    computed({
      id: 'maths/square',
      title: 'A square',
      price: ({ x }) => sat(x === undefined || x.length < 3 ? 1 : 5),
      check({ x }) {
        if (!/^\d{1,6}$/.test(x ?? '')) throw new Error('x: a number, please');
      },
      compute({ x }) {
        computedTimes += 1;
        if (x === '13' && computedTimes === 1) throw new Error('the secret reason');
        return { json: { square: Number(x) ** 2, time: computedTimes } };
      },
    }),
    rows({ id: 'weather', title: 'The weather', price: sat(2), key: 'date', rows: [{ date: '2016-10-05', rain: true }] }),
  ];
  const store: EmbeddedStore = await createStore({ backend: await network.backend('seller'), items, path: 'memory', ...options });
  closing.push(() => store.stop());
  const buyer = await network.backend('buyer');
  const buy = async (url: string): Promise<Sold & { readonly amountMsat: string }> => {
    const response = await fetch(url, { method: 'POST' });
    const { purchase } = (await response.json()) as { readonly purchase: Sold & { readonly amountMsat: string } };
    await buyer.payments.pay({ paymentRequest: purchase.invoice, maxFeeMsat: sat(1) });
    await fetch(`${purchase.link}/status?wait=10`);
    return purchase;
  };
  return { store, buy };
}

test('in Fastify, under a prefix; its own log has no link', async () => {
  const { store, buy } = await open();
  let log = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log += String(chunk);
      done();
    },
  });
  const app = fastify({ logger: { level: 'trace', stream } });
  closing.push(() => app.close());
  app.get('/mine', async () => 'mine');
  await app.register(store.plugin, { prefix: '/shop' });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  expect(await (await fetch(`${url}/mine`)).text()).toBe('mine');
  const sold = await buy(`${url}/shop/items/maths/square?x=12`);
  expect(sold.link).toMatch(new RegExp(`^${url}/shop/p/[A-Za-z0-9_-]{32}$`));
  expect(await (await fetch(sold.link)).json()).toEqual({ square: 144, time: 1 });
  expect(await (await fetch(`${url}/shop`, { headers: { Accept: 'text/html' } })).text()).toContain('action="/shop/items/maths/square"');
  const posted = await fetch(`${url}/shop/items/weather?date=2016-10-05`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(),
    headers: { Accept: 'text/html' },
  });
  expect([posted.status, posted.headers.get('location')]).toEqual([303, expect.stringMatching(/^\/shop\/p\//)]);
  expect((await fetch(`${url}/shop/nothing`)).status).toBe(404);
  expect((await fetch(`${url}/shop/items/weather`, { method: 'DELETE' })).status).toBe(405);
  expect(log).toContain('/mine');
  expect(log).not.toContain(sold.link.split('/').at(-1));
});

test('in Express, under a path; what is not of the store goes on, and who logs at the end sees no link', async () => {
  const { store, buy } = await open();
  const app = express();
  const log: string[] = [];
  app.use((request, response, next) => {
    response.on('finish', () => log.push(request.originalUrl));
    next();
  });
  app.use('/shop', store.middleware);
  app.use((_request, response) => {
    response.status(404).send('mine');
  });
  const server = app.listen(0, '127.0.0.1');
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sold = await buy(`${url}/shop/items/weather?date=2016-10-05`);
  expect(sold.link).toContain(`${url}/shop/p/`);
  expect(await (await fetch(sold.link)).json()).toEqual({ date: '2016-10-05', rain: true });
  expect(await (await fetch(`${url}/shop/nothing`)).text()).toBe('mine');
  expect(log).toContain('/shop/p/***');
  expect(log.join()).not.toContain(sold.link.split('/').at(-1));
});

test('a computed answer is checked before it is paid, computed once, and tried again where it failed', async () => {
  const { store, buy } = await open({ deliveries: 2 });
  const server = createServer(store.middleware).listen(0, '127.0.0.1');
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const wrong = await fetch(`${url}/items/maths/square?x=many`);
  expect([wrong.status, await wrong.json()]).toEqual([400, { code: 'BAD_REQUEST', message: 'x: a number, please', retry: 'never' }]);
  expect((await fetch(`${url}/items/weather?date=2016-10-06`)).status).toBe(400);
  expect((await fetch(`${url}/items/weather`)).status).toBe(400);
  const sold = await buy(`${url}/items/maths/square?x=13`);
  const failed = await fetch(sold.link);
  expect([failed.status, await failed.text()]).toEqual([503, expect.not.stringContaining('secret')]);
  for (let i = 0; i < 2; i += 1) expect(await (await fetch(sold.link)).json()).toEqual({ square: 169, time: 2 });
  expect((await fetch(sold.link)).status).toBe(410);
  expect((await buy(`${url}/items/maths/square?x=1000`)).amountMsat).toBe('5000');
});

test('orders of an address are limited', async () => {
  const { store } = await open({ limits: { quoteBurstPerAddress: 2, quotesPerSecondPerAddress: 0.001 } });
  const server = createServer(store.middleware).listen(0, '127.0.0.1');
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/items/weather?date=2016-10-05`;
  const statuses = [];
  for (let i = 0; i < 3; i += 1) statuses.push((await fetch(url, { method: 'POST' })).status);
  expect(statuses).toEqual([201, 201, 429]);
});

test('links are as the seller says, or as a request without a sound host allows', async () => {
  const { store } = await open({ publicUrl: 'https://cats.example/' });
  const server = createServer(store.middleware).listen(0, '127.0.0.1');
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/items/weather?date=2016-10-05`;
  const { purchase } = (await (await fetch(url, { method: 'POST' })).json()) as { readonly purchase: Sold };
  expect(purchase.link).toMatch(/^https:\/\/cats\.example\/p\//);
});
