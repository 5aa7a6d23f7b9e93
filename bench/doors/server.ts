import { buyTokens } from '../shared/buying.ts';
import { serveOrders } from '../shared/child.ts';
import { publishOnCredit } from '../shared/credit.ts';
import { COLUMNS, rowsOfTurn } from '../shared/rows.ts';
import { playMoney, startSeller, temporaryFolder } from '../shared/seller.ts';
import { DOORS, type Door, PAGE } from './doors.ts';

/** The tickerplant with all its doors, a table for each, so that a row goes through one only. */
export type DoorsOrder =
  | { readonly kind: 'start' }
  | { readonly kind: 'buy'; readonly door: Door; readonly count: number }
  /** How many quotes it has made. */
  | { readonly kind: 'quotes' };

export interface DoorsStarted {
  readonly urls: Readonly<Record<string, string>>;
  /** Where each door's publisher takes its orders. */
  readonly control: Readonly<Record<Door, number>>;
}

let buy: (door: Door, count: number) => Promise<string[]>;
let quotes: () => number;

async function start(): Promise<DoorsStarted> {
  const { seller, pay } = await playMoney();
  const table = { columns: COLUMNS, symbols: PAGE, pricing: { msat: 1_000, lasts: '24h' } };
  const tables = Object.fromEntries(DOORS.map((door) => [door, table]));
  const { tickerplant, urls } = await startSeller({ backend: seller, dir: temporaryFolder(), tables, doors: ['http', 'kdb'] });
  buy = (door, count) =>
    buyTokens(
      urls['websocket'] ?? '',
      Array.from({ length: count }, () => ({ table: door, syms: '*' as const })),
      pay,
    );
  quotes = () => tickerplant.counters.quotes;
  const control: Partial<Record<Door, number>> = {};
  for (const door of DOORS) {
    control[door] = await publishOnCredit((first, rows, stamped) =>
      tickerplant.publish(door, rowsOfTurn(first, rows, stamped, PAGE.length)),
    );
  }
  return { urls, control: control as Record<Door, number> };
}

serveOrders<DoorsOrder>((order) => {
  if (order.kind === 'start') return start();
  return order.kind === 'buy' ? buy(order.door, order.count) : quotes();
});
