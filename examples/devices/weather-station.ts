// A weather station: sells the readings of a file, 1000 msat each, over HTTP alone. What was ordered and not yet delivered survives a power cut.
//   DEVICE_TOKEN=… node examples/devices/weather-station.ts http://127.0.0.1:8080 [file.csv]
// A line on standard input is a customer: from when, and how many readings: 2010-01-01T05 3
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const MSAT_PER_READING = 1000n;
const [server = 'http://127.0.0.1:8080', csv = new URL('weather-excerpt.csv', import.meta.url).pathname, file = 'weather-station.json'] =
  process.argv.slice(2);
const [head = '', ...readings] = readFileSync(csv, 'utf8').trim().split('\n');

interface Order {
  readonly from: string;
  readonly count: number;
  quote?: string;
}
interface Settlement {
  readonly settlement: string;
  readonly quote: string;
  readonly kind: string;
}
/** Key → what was ordered under it, until it is delivered; and what was delivered lately. */
const state: { orders: Record<string, Order>; done: string[] } = read();
function read(): typeof state {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { orders: {}, done: [] };
  }
}
function save(): void {
  writeFileSync(`${file}.new`, JSON.stringify(state), { flush: true });
  renameSync(`${file}.new`, file);
}

async function call<T>(path: string, body?: object, key?: string): Promise<T> {
  const headers = {
    Authorization: `Bearer ${process.env['DEVICE_TOKEN'] ?? ''}`,
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
    ...(key !== undefined && { 'Idempotency-Key': key }),
  };
  const response = await fetch(`${server}/v1/device${path}`, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) });
  const answer = (await response.json()) as T & { readonly code?: string; readonly message?: string; readonly retry?: string };
  if (!response.ok) throw Object.assign(new Error(`${answer.code}: ${answer.message}`), { final: answer.retry === 'never' });
  return answer;
}

const wanted = ({ from, count }: Order): string[] => readings.filter((line) => line >= from).slice(0, count);

/** Asks for the invoice of an order, again with the same key where the answer was lost; and forgets an order that is refused for good. */
async function invoice(key: string, order: Order): Promise<void> {
  try {
    await ask(key, order);
  } catch (error) {
    console.error((error as Error).message);
    if ((error as { readonly final?: boolean }).final !== true) return;
    delete state.orders[key];
    save();
  }
}

async function ask(key: string, order: Order): Promise<void> {
  const amountMsat = String(MSAT_PER_READING * BigInt(wanted(order).length));
  const { quote, invoice: request } = await call<{ quote: string; invoice: string }>('/invoices', { item: 'reading', amountMsat }, key);
  order.quote = quote;
  save();
  console.log(`pay ${request}`);
}

function deliver({ settlement, quote, kind }: Settlement): void {
  const [key, order] = Object.entries(state.orders).find(([, each]) => each.quote === quote) ?? [];
  if (kind === 'paid' && order !== undefined && !state.done.includes(settlement)) console.log([head, ...wanted(order)].join('\n'));
  if (key !== undefined) delete state.orders[key];
  state.done = [...new Set([...state.done, settlement])].slice(-100);
  save();
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [from = '', count = '1'] = line.trim().split(/\s+/);
  const order: Order = { from, count: Number(count) };
  if (wanted(order).length === 0) {
    console.error(`there is nothing from ${from} on`);
    return;
  }
  const key = crypto.randomUUID();
  state.orders[key] = order;
  save();
  void invoice(key, order);
});

for (;;) {
  try {
    for (const [key, order] of Object.entries(state.orders)) if (order.quote === undefined) await invoice(key, order);
    const { settlements } = await call<{ settlements: Settlement[] }>('/settlements?wait=30');
    for (const settlement of settlements) deliver(settlement);
    if (settlements.length > 0) await call('/acknowledgements', { settlements: settlements.map((each) => each.settlement) });
  } catch (error) {
    console.error((error as Error).message);
    await sleep(2_000);
  }
}
