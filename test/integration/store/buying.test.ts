import { rename, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { folder, type SellerBackend, sat } from '../../../src/index.ts';
import { openShop, type Shop } from './support/shop.ts';

const HTML = { Accept: 'text/html,application/xhtml+xml' };
const opened: Shop[] = [];
afterEach(async () => {
  for (const shop of opened.splice(0)) await shop[Symbol.asyncDispose]();
});
async function open(...args: Parameters<typeof openShop>): Promise<Shop> {
  const shop = await openShop(...args);
  opened.push(shop);
  await shop.put('one.txt', 'one cat\n');
  await shop.put('two.txt', 'two cats\n');
  return shop;
}

test('the link asks for the payment, delivers as often as was bought, and then says that it has', async () => {
  const shop = await open();
  const told = await shop.order('one.txt');
  const asked = await shop.get(told.link);
  expect(asked.status).toBe(402);
  expect(asked.headers.get('www-authenticate')).toMatch(/^LSAT macaroon="[^"]+", invoice="lnbcrt/);
  expect((await shop.get(`${told.link}/item`)).status).toBe(402);
  await shop.pay(told.invoice);
  expect(await (await shop.get(`${told.link}/status?wait=10`)).json()).toMatchObject({ state: 'settled', delivered: 0, deliveries: 2 });
  for (const path of [told.link, `${told.link}/item`]) {
    const delivered = await shop.get(path);
    expect([delivered.status, await delivered.text()]).toEqual([200, 'one cat\n']);
    expect(Object.fromEntries(delivered.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': expect.stringContaining('filename="one.txt"'),
    });
  }
  const over = await shop.get(told.link);
  expect([over.status, await over.json()]).toEqual([
    410,
    { code: 'DELIVERED', message: 'delivered already: 2 times, as was bought', retry: 'never' },
  ]);
  expect(await (await shop.get(told.link, HTML)).text()).toContain('Delivered already');
});

test('a program pays the 402 of the item itself, and its credential is good for nothing else', async () => {
  const shop = await open();
  const asked = await shop.get('/items/one.txt');
  expect(asked.status).toBe(402);
  const { purchase } = (await asked.json()) as { purchase: { invoice: string; token: string } };
  const preimage = await shop.pay(purchase.invoice);
  const with_ = (scheme: string, secret = preimage) => ({ Authorization: `${scheme} ${purchase.token}:${secret}` });
  expect((await shop.get('/items/two.txt', with_('L402'))).status).toBe(401);
  expect((await shop.get('/items/one.txt', with_('L402', '00'.repeat(32)))).status).toBe(401);
  expect((await shop.get('/items/one.txt', { Authorization: `Bearer ${purchase.token}` })).status).toBe(401);
  expect(await (await shop.get('/items/one.txt', with_('L402'))).text()).toBe('one cat\n');
  expect(await (await shop.get('/items/one.txt', with_('LSAT'))).text()).toBe('one cat\n');
  expect((await shop.get('/items/one.txt', with_('L402'))).status).toBe(410);
});

test('a browser is led by pages: what it costs, what to pay, that it is paid; looking counts nothing', async () => {
  const shop = await open();
  await shop.put('<b>&"\'.txt', 'x');
  const shelf = await (await shop.get('/', HTML)).text();
  expect(shelf).toContain('&lt;b&gt;&amp;&quot;&#39;.txt');
  expect(shelf).not.toContain('<b>&');
  expect(await (await shop.get('/items/one.txt', HTML)).text()).toContain('10 sat');
  const ordered = await fetch(`${shop.url}/items/one.txt`, { method: 'POST', headers: HTML, redirect: 'manual' });
  expect(ordered.status).toBe(303);
  const link = `${shop.url}${ordered.headers.get('location')}`;
  expect(link).toMatch(/\/p\/[A-Za-z0-9_-]{32}$/);
  const unpaid = await shop.get(link, HTML);
  const page = await unpaid.text();
  const [, invoice = ''] = /href="lightning:(lnbcrt[a-z0-9]+)"/.exec(page) ?? [];
  expect(page).toContain('<svg');
  expect(page).toContain('http-equiv="refresh"');
  expect(unpaid.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
  await shop.pay(invoice);
  await shop.get(`${link}/status?wait=10`);
  for (let i = 0; i < 3; i += 1) expect(await (await shop.get(link, HTML)).text()).toContain(`href="${new URL(link).pathname}/item"`);
  expect(await (await shop.get(`${link}/item`, HTML)).text()).toBe('one cat\n');
});

test('no link, preimage or token is logged, and a framework that logs later sees none either', async () => {
  const shop = await open();
  const told = await shop.buy('one.txt');
  await shop.get(told.link);
  await shop.get(`${told.link}x`);
  const secret = new URL(told.link).pathname.split('/').at(-1) as string;
  const all = shop.log.join('\n');
  expect(all).toContain('/p/:link');
  for (const text of [secret, told.token, told.preimage]) expect(all).not.toContain(text);
});

test('what was paid is delivered after a restart, also what was paid while nobody ran', async () => {
  const shop = await open();
  const [before, meanwhile] = [await shop.order('one.txt'), await shop.order('two.txt')];
  await shop.pay(before.invoice);
  await shop.get(`${before.link}/status?wait=10`);
  await shop.store.stop();
  await shop.pay(meanwhile.invoice);
  await shop.restart();
  expect(await (await shop.get(before.link)).text()).toBe('one cat\n');
  await shop.get(`${meanwhile.link}/status?wait=10`);
  expect(await (await shop.get(meanwhile.link)).text()).toBe('two cats\n');
  expect(await shop.store.counts()).toMatchObject({ settled: 2, receivedMsat: 20_000n });
});

/** The seller's invoices as an object of its own, to be changed in a place. */
function boundInvoices({ invoices }: SellerBackend): SellerBackend['invoices'] {
  return {
    create: (...args) => invoices.create(...args),
    lookup: (...args) => invoices.lookup(...args),
    list: (...args) => invoices.list(...args),
    cancel: (...args) => invoices.cancel(...args),
    settleHeld: (...args) => invoices.settleHeld(...args),
    settlements: (...args) => invoices.settlements(...args),
    settlementsHead: (...args) => invoices.settlementsHead(...args),
  };
}

test('a surprise is chosen by the purchase, and stays what it is', async () => {
  const shop = await open({ deliveries: 5 });
  for (let i = 0; i < 20; i += 1) await shop.put(`more/${i}.txt`, `cat ${i}\n`);
  await shop.store.stop();
  const surprises = await open({ items: [folder(shop.dir, { price: sat(7), surprise: 'only' })], deliveries: 5 });
  expect(await (await surprises.get('/')).json()).toMatchObject({ items: [{ item: 'surprise', priceMsat: '7000' }] });
  expect((await surprises.get('/items/one.txt')).status).toBe(404);
  const told = await surprises.buy('surprise');
  expect(told['title']).toBe('Surprise me');
  const first = await (await surprises.get(told.link)).text();
  await surprises.restart();
  for (let i = 0; i < 3; i += 1) expect(await (await surprises.get(told.link)).text()).toBe(first);
});

test('what is not in the folder, hidden, or reached by a link to the outside is not for sale', async () => {
  const shop = await open();
  await shop.put('.secret', 'no');
  await shop.put('.git/config', 'no');
  await writeFile(join(shop.dir, '..', 'outside.txt'), 'no');
  await symlink(join(shop.dir, '..', 'outside.txt'), join(shop.dir, 'out.txt'));
  await symlink(join(shop.dir, '.secret'), join(shop.dir, 'shown.txt'));
  await symlink(join(shop.dir, 'one.txt'), join(shop.dir, 'alias.txt'));
  const { items } = (await (await shop.get('/')).json()) as { items: readonly { item: string }[] };
  expect(items.map(({ item }) => item)).toEqual(['alias.txt', 'one.txt', 'two.txt']);
  const none = [
    '..%2foutside.txt',
    '%2e%2e/outside.txt',
    '.secret',
    '.git/config',
    'out.txt',
    'shown.txt',
    'one.txt%00',
    'one.txt/',
    '%2fetc%2fpasswd',
    '..%5coutside.txt',
    '%ff',
    'sub//one.txt',
  ];
  for (const name of none) expect((await shop.get(`/items/${name}`)).status, name).toBe(404);
});

test('what was changed or removed since is refused with a note for a refund, and delivered when it is back', async () => {
  const shop = await open();
  const [told, other] = [await shop.buy('one.txt'), await shop.buy('two.txt')];
  await utimes(join(shop.dir, 'one.txt'), 1, 1);
  expect(await (await shop.get(told.link)).text(), 'touched, and the same').toBe('one cat\n');
  await shop.put('two.txt', 'two dogs\n');
  const refused = await shop.get(other.link);
  expect([refused.status, await refused.json()]).toEqual([
    410,
    expect.objectContaining({
      code: 'CHANGED',
      message: expect.stringMatching(/changed.*price is to be given back is noted.*purchase [0-9a-f]{16}/),
    }),
  ]);
  await rename(join(shop.dir, 'two.txt'), join(shop.dir, '..', 'gone'));
  expect(await (await shop.get(other.link)).json()).toMatchObject({ code: 'CHANGED', message: expect.stringContaining('removed') });
  expect(await shop.store.refunds()).toMatchObject([{ purchase: other.id, reason: 'undeliverable', msat: 10_000n }]);
  await shop.put('two.txt', 'two cats\n');
  expect(await (await shop.get(other.link)).text()).toBe('two cats\n');
  expect(await shop.store.refunds()).toEqual([]);
  await unlink(join(shop.dir, 'two.txt'));
  const third = await shop.buy('one.txt');
  await shop.put('one.txt', 'no cat\n');
  await shop.get(third.link);
  const [refund] = await shop.store.refunds();
  expect(await shop.store.refundDone(refund?.id ?? '')).toBe(true);
  expect(await (await shop.get(third.link)).json()).toMatchObject({ code: 'REFUNDED' });
});

test('a node that is away: 503 to who wants to buy, and what is paid is delivered', async () => {
  let away = false;
  const shop = await open({
    seller: (backend) => ({
      node: backend.node,
      invoices: {
        ...boundInvoices(backend),
        create: (...args) =>
          away ? Promise.reject(new LightningError('UNAVAILABLE', 'away', { operation: 'create' })) : backend.invoices.create(...args),
      },
    }),
  });
  const told = await shop.buy('one.txt');
  away = true;
  const refused = await shop.get('/items/two.txt');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await refused.json()).toMatchObject({ code: 'NODE_UNAVAILABLE', retry: 'later' });
  const browser = await fetch(`${shop.url}/items/two.txt`, { method: 'POST', headers: HTML });
  expect([browser.status, await browser.text()]).toEqual([503, expect.stringContaining('Not at the moment')]);
  expect(await (await shop.get(told.link)).text()).toBe('one cat\n');
});

test('unpaid purchases are cancelled at the node when their time is over', async () => {
  const shop = await open({ expiry: '1s' });
  const told = await shop.order('one.txt');
  expect(await (await shop.get(`${told.link}/status?wait=10`)).json()).toMatchObject({ state: 'expired' });
  expect((await shop.get(told.link)).status).toBe(410);
  expect(await (await shop.get(told.link, HTML)).text()).toContain('Buy it now');
  await expect(shop.pay(told.invoice)).rejects.toThrow();
});
