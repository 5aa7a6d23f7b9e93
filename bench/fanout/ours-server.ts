import { buyTokens } from '../shared/buying.ts';
import { serveOrders } from '../shared/child.ts';
import { publishOnCredit } from '../shared/credit.ts';
import { COLUMNS, rowsOfTurn, SYMBOLS } from '../shared/rows.ts';
import { playMoney, startSeller, temporaryFolder } from '../shared/seller.ts';

/** The tickerplant with play money: a table that is paid at once, and one whose rows are paid one by one from a balance. */
export type OursOrder =
  | { readonly kind: 'start'; readonly prepayMsat: number }
  | { readonly kind: 'buy'; readonly table: 'flat' | 'metered'; readonly sets: readonly (readonly string[])[] };

/** What it answers to `start`. */
export interface OursStarted {
  readonly port: number;
  /** Where each table's publisher takes its orders. */
  readonly control: { readonly flat: number; readonly metered: number };
}

let buy: (table: string, sets: readonly (readonly string[])[]) => Promise<string[]>;

async function start(prepayMsat: number): Promise<OursStarted> {
  const { seller, pay } = await playMoney();
  const table = (pricing: object) => ({ columns: COLUMNS, symbols: SYMBOLS, pricing });
  const { tickerplant, urls } = await startSeller({
    backend: seller,
    dir: temporaryFolder(),
    tables: { flat: table({ msat: 1_000, lasts: '24h' }), metered: table({ kind: 'tick', msat: 1, prepay: prepayMsat }) },
  });
  const url = urls['websocket'] ?? '';
  buy = (name, sets) =>
    buyTokens(
      url,
      sets.map((syms) => ({ table: name, syms })),
      pay,
    );
  const publisher = (name: string) =>
    publishOnCredit((first, rows, stamped) => tickerplant.publish(name, rowsOfTurn(first, rows, stamped)));
  return { port: Number(new URL(url).port), control: { flat: await publisher('flat'), metered: await publisher('metered') } };
}

serveOrders<OursOrder>((order) => (order.kind === 'start' ? start(order.prepayMsat) : buy(order.table, order.sets)));
