import { afterAll, beforeAll, expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { ask, DOORS, settled, until } from './support/doors.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test.each(DOORS)('$name: a device asks, its customer pays, it is told, and told no more once it has acknowledged', async (door) => {
  const name = `pump ${door.name}`;
  const credential = await world.device(name, { items: new Set(['water', 'power']), maxMsat: msat(20_000), quotesPerHour: 10 });
  await using device = await door.connect(world, credential);
  const welcome = await ask(device, 'hello', {});
  expect(welcome).toMatchObject({
    op: 'welcome',
    device: credential.device,
    name,
    items: ['water', 'power'],
    maxMsat: '20000',
    quotesPerHour: 10,
  });
  const invoiced = await ask(device, 'invoice', { item: 'water', amountMsat: '9000' });
  expect(invoiced).toMatchObject({
    op: 'invoiced',
    item: 'water',
    amountMsat: '9000',
    state: 'open',
    quote: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  await world.pay(String(invoiced['invoice']));
  const told = await until(device, ({ op }) => op === 'settled', 'the payment');
  const { quote, paymentHash } = invoiced;
  expect(told).toMatchObject({ quote, paymentHash, item: 'water', kind: 'paid', late: false, amountMsat: '9000', receivedMsat: '9000' });
  const again = settled(device).length;
  await until(device, () => settled(device).length > again, 'the payment again');
  expect(new Set(settled(device).map(({ settlement }) => settlement)).size).toBe(1);
  const counters = { invoices: 1, settled: 1, receivedMsat: '9000', acknowledged: 1 };
  expect(await ask(device, 'ack', { settlements: [told['settlement'], 'of nobody'] })).toMatchObject({
    op: 'acked',
    settlements: [told['settlement']],
    counters,
  });
  expect(await world.counters(name)).toEqual(counters);
  await using later = await door.connect(world, credential);
  await ask(later, 'hello', {});
  expect(settled(later)).toEqual([]);
});

test.each(DOORS)('$name: refusals say why, and the device goes on', async (door) => {
  const name = `refused ${door.name}`;
  const credential = await world.device(name, { items: new Set(['water']), minMsat: msat(2_000), quotesPerHour: 2 });
  await using device = await door.connect(world, credential);
  const refused = async (fields: Readonly<Record<string, unknown>>) => (await ask(device, 'invoice', fields))['code'];
  expect(await refused({ item: 'power' })).toBe('FORBIDDEN');
  expect(await refused({ item: 'gold' })).toBe('FORBIDDEN');
  expect(await refused({ item: 'water', amountMsat: '1500' })).toBe('FORBIDDEN');
  expect(await refused({ item: 'water', amountMsat: '60000' })).toBe('BAD_REQUEST');
  expect(await refused({ item: 'water' })).toBe('BAD_REQUEST');
  expect(await refused({ item: 'water', amountMsat: 5000 })).toBe('BAD_REQUEST');
  expect(await refused({ item: 'water', amountMsat: '-1' })).toBe('BAD_REQUEST');
  expect((await ask(device, 'ack', { settlements: [] }))['code']).toBe('BAD_REQUEST');
  const first = await ask(device, 'invoice', { item: 'water', amountMsat: '2000', key: 'one' });
  expect(await ask(device, 'invoice', { item: 'water', amountMsat: '2000', key: 'one' })).toMatchObject({
    quote: first['quote'],
    invoice: first['invoice'],
  });
  expect(await refused({ item: 'water', amountMsat: '3000', key: 'one' })).toBe('KEY_REUSED');
  expect(await refused({ item: 'water', amountMsat: '2000' })).toBeUndefined();
  expect(await refused({ item: 'water', amountMsat: '2000' })).toBe('RATE_LIMITED');
  expect(await world.counters(name)).toMatchObject({ invoices: 2, settled: 0 });
});

test.each(DOORS)(
  '$name: what is settled while nobody is there, and through a restart of the server, is told when the device comes back',
  async (door) => {
    const name = `away ${door.name}`;
    const credential = await world.device(name);
    const before = await door.connect(world, credential);
    const [first, second] = [
      await ask(before, 'invoice', { item: 'power' }),
      await ask(before, 'invoice', { item: 'water', amountMsat: '1000' }),
    ];
    before.cut();
    await world.pay(String(first['invoice']));
    await world.stop();
    await world.pay(String(second['invoice']));
    await world.start();
    await using after = await door.connect(world, credential);
    for (const { quote } of [first, second] as readonly Readonly<Record<string, unknown>>[])
      await until(after, (told) => told.op === 'settled' && told['quote'] === quote, 'what was paid meanwhile');
    expect(await world.counters(name)).toEqual({ invoices: 2, settled: 2, receivedMsat: '6000', acknowledged: 0 });
  },
);

test('each is told its own only, over all doors at once; and nobody acknowledges for another', async () => {
  const devices = await Promise.all(
    DOORS.flatMap((door) =>
      [1, 2].map(async (number) => {
        const credential = await world.device(`own ${door.name} ${number}`);
        return { credential, device: await door.connect(world, credential) };
      }),
    ),
  );
  const quotes = await Promise.all(devices.map(async ({ device }) => await ask(device, 'invoice', { item: 'power' })));
  for (const { invoice } of quotes) await world.pay(String(invoice));
  for (const [at, { device }] of devices.entries()) {
    const told = await until(device, ({ op }) => op === 'settled', 'its payment');
    expect(told['quote']).toBe(quotes[at]?.['quote']);
    const other = devices[(at + 1) % devices.length]?.device;
    if (other !== undefined) expect(await ask(other, 'ack', { settlements: [told['settlement']] })).toMatchObject({ settlements: [] });
  }
  for (const [at, { device }] of devices.entries()) {
    expect(new Set(settled(device).map(({ quote }) => quote))).toEqual(new Set([quotes[at]?.['quote']]));
    await device[Symbol.asyncDispose]();
  }
});

test.each(DOORS)('$name: a revoked token is refused, and its unpaid invoice can not be paid any more', async (door) => {
  const name = `revoked ${door.name}`;
  const credential = await world.device(name);
  const device = await door.connect(world, credential);
  const { invoice, paymentHash: hash } = await ask(device, 'invoice', { item: 'power' });
  await world.revoke(name);
  await device[Symbol.asyncDispose]();
  const state = async () => (await world.seller.invoices.lookup(paymentHash(String(hash))))?.state;
  await expect.poll(state, { timeout: 8_000 }).toBe('cancelled');
  await expect(world.pay(String(invoice))).rejects.toThrow();
  const again = door.connect(world, credential).then(async (late) => (await ask(late, 'invoice', { item: 'power' }))['code']);
  if (door.name === 'MQTT') await expect(again).rejects.toMatchObject({ code: 4 });
  else expect(['BAD_TOKEN', 'FORBIDDEN']).toContain(await again);
});
