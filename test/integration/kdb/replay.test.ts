import { afterAll, beforeAll, expect, test } from 'vitest';
import { hex, shown } from '../../unit/kdb/support/wire.ts';
import { until } from './support/client.ts';
import { Plant } from './support/plant.ts';

let plant: Plant;
beforeAll(async () => {
  // The whitepaper's table.
  const columns = { time: 'timespan', sym: 'symbol', price: 'float', size: 'long' };
  plant = await Plant.start({ tables: { trade: { columns, symbols: ['AAPL', 'GOOGL'] } } });
});
afterAll(() => plant[Symbol.asyncDispose]());

/** A message with a char vector in it, as q sends it. */
function call(text: string): Uint8Array {
  const length = Buffer.alloc(4);
  const count = Buffer.alloc(4);
  length.writeUInt32LE(14 + text.length);
  count.writeUInt32LE(text.length);
  return Buffer.concat([hex('01010000'), length, hex('0a00'), count, Buffer.from(text)]);
}

const NAMES = '0b0004000000 74696d6500 73796d00 707269636500 73697a6500';
/** `` (`trade; +`time`sym`price`size!(`timespan$();`g#`symbol$();`float$();`long$())) `` */
const PAIR = `0000 02000000 f5747261646500 6200 63 ${NAMES} 0000 04000000 1000 00000000 0b04 00000000 0900 00000000 0700 00000000`;
/** `` (0N;`) `` */
const NO_LOG = '0000 02000000 f90000000000000080 f500';

function response(body: string): string {
  const bytes = hex(body);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(8 + bytes.length);
  return shown(Buffer.concat([hex('01020000'), length, bytes]));
}

test('the opening of r.q: exact pairs and no log, then rows as soon as somebody pays', async () => {
  const rdb = await plant.client('rdb:secret', 3);
  expect(shown(await rdb.askBytes(call('(.u.sub[`;`];.u `i`L)')))).toBe(response(`0000 02000000 0000 01000000 ${PAIR} ${NO_LOG}`));
  expect(shown(await rdb.askBytes(call('(.u.sub[`;`];`.u `i`L)')))).toBe(response(`0000 02000000 0000 01000000 ${PAIR} ${NO_LOG}`));
  const { payment_request: requests } = (await rdb.value('.u.pendingInvoices[]')) as { payment_request: string[] };
  expect(requests).toHaveLength(2);
  await plant.pay(requests[0] as string);
  await until(() => plant.server.tickerplant.counters.settled === 1, 'the payment');
  plant.publish('trade', ['0D14:30:00.000000001', 'AAPL', 1.5, 100]);
  await until(() => rdb.unasked.length === 1, 'rows');
  const rows = `6200 63 ${NAMES} 0000 04000000 1000 01000000 011075c2792f0000 0b00 01000000 4141504c00 0900 01000000 000000000000f83f 0700 01000000 6400000000000000`;
  const upd = hex(`0000 03000000 f575706400 f5747261646500 ${rows}`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(8 + upd.length);
  expect(shown(rdb.unasked[0] as Uint8Array)).toBe(shown(Buffer.concat([hex('01000000'), length, upd])));
  rdb.unasked.length = 0;
  await plant.endDay();
  await until(() => rdb.unasked.length === 1, 'the end of the day');
  expect(shown(rdb.unasked[0] as Uint8Array)).toBe(shown(hex('01000000 1b000000 0000 02000000 f52e752e656e6400 f2ce2a0000')));
});

test('the opening of a chained tickerplant: pairs alone; and of a chained real-time database', async () => {
  const chained = await plant.client('chained', 3);
  expect(shown(await chained.askBytes(call('.u.sub[`;`]')))).toBe(response(`0000 01000000 ${PAIR}`));
  const opening = '(.u.sub[`;`];$[`m in key`.u;(`.u `m)"`.u `i`L";`.u `i`L])';
  expect(shown(await chained.askBytes(call(opening)))).toBe(response(`0000 02000000 0000 01000000 ${PAIR} ${NO_LOG}`));
});

test("the whitepaper's subscriber: table, schema, invoice", async () => {
  const subscriber = await plant.client(':', 1);
  expect(subscriber.capability).toBe(1);
  const answer = shown(await subscriber.askBytes(call('.u.sub[`trade;`AAPL`GOOGL]')));
  const triple = PAIR.replace('0000 02000000', '0000 03000000').replaceAll(' ', '');
  const keys = ['r_hash', 'payment_request', 'add_index', 'amount', 'expiry', 'token'].map((key) =>
    Buffer.from(`${key}\0`).toString('hex'),
  );
  expect(answer.slice(18).startsWith(`${triple}630b0006000000${keys.join('')}`)).toBe(true);
});

test('an error is a response of type 128', async () => {
  const client = await plant.client();
  expect(shown(await client.askBytes(call('.u.sub[`nosuch;`]')))).toBe(response(`80 ${Buffer.from('nosuch\0').toString('hex')}`));
});

test('the capability is answered as far as there is a meaning for it, and a login without a password is one', async () => {
  for (const [offered, answered] of [
    [0, 0],
    [1, 1],
    [3, 3],
    [6, 3],
    ['none', 0],
  ] as const) {
    const client = await plant.client(offered === 3 ? 'anonymous' : 'user:with:colons', offered);
    expect(client.capability, `offered ${offered}`).toBe(answered);
    expect(await client.value('.u.t')).toEqual(['trade']);
  }
});
