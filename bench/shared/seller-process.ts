import type { NodeConfig } from '../../regtest/network.ts';
import { openBackend } from '../../regtest/open-backend.ts';
import { msat } from '../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../src/core/lightning/backend.ts';
import { listenRaw } from '../settle/raw-events.ts';
import { buyTokens } from './buying.ts';
import { serveOrders } from './child.ts';
import { publishOnCredit } from './credit.ts';
import { COLUMNS, rowsOfTurn, SYMBOLS } from './rows.ts';
import { payWith, startSeller, temporaryFolder } from './seller.ts';

/** The table on sale: a thousandth of a cent a symbol, so that a channel pays for thousands of subscribers. */
export const TABLE = 'trade';
const PRICE_MSAT = 1_000;

/** The tickerplant on a node that runs elsewhere. */
export type SellerOrder =
  | { readonly kind: 'start'; readonly seller: NodeConfig; readonly buyer: NodeConfig }
  | { readonly kind: 'buy'; readonly sets: readonly (readonly string[])[] }
  /** When the node's own event of a payment arrived here; undefined while it has not. */
  | { readonly kind: 'raw-event'; readonly paymentHash: string }
  /** Invoices per second of the backend alone, so many being asked for at once. */
  | { readonly kind: 'raw-invoices'; readonly atOnce: number; readonly ms: number };

/** What it answers to `start`. */
export interface SellerStarted {
  readonly url: string;
  readonly port: number;
  readonly control: number;
}

const rawEvents = new Map<string, bigint>();
let seller: LightningBackend;
let buy: (sets: readonly (readonly string[])[]) => Promise<string[]>;

async function start(sellerConfig: NodeConfig, buyerConfig: NodeConfig): Promise<SellerStarted> {
  seller = await openBackend(sellerConfig);
  const buyer = await openBackend(buyerConfig);
  await listenRaw(sellerConfig, (hash) => void rawEvents.set(hash, process.hrtime.bigint()));
  const { tickerplant, urls } = await startSeller({
    backend: seller,
    dir: temporaryFolder(),
    tables: { [TABLE]: { columns: COLUMNS, symbols: SYMBOLS, pricing: { msat: PRICE_MSAT, lasts: '24h' } } },
  });
  const url = urls['websocket'] ?? '';
  buy = (sets) =>
    buyTokens(
      url,
      sets.map((syms) => ({ table: TABLE, syms })),
      (invoice) => payWith(buyer.payments, invoice),
    );
  const control = await publishOnCredit((first, rows, stamped) => tickerplant.publish(TABLE, rowsOfTurn(first, rows, stamped)));
  return { url, port: Number(new URL(url).port), control };
}

async function rawInvoices(atOnce: number, ms: number): Promise<number> {
  const begin = performance.now();
  let made = 0;
  const walk = async (): Promise<void> => {
    while (performance.now() - begin < ms) {
      await seller.invoices.create({ amountMsat: msat(BigInt(PRICE_MSAT)), description: `${TABLE} S00`, expirySeconds: 3_600 });
      made += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, walk));
  return (made / (performance.now() - begin)) * 1_000;
}

serveOrders<SellerOrder>((order) => {
  if (order.kind === 'start') return start(order.seller, order.buyer);
  if (order.kind === 'buy') return buy(order.sets);
  if (order.kind === 'raw-event') return rawEvents.get(order.paymentHash);
  return rawInvoices(order.atOnce, order.ms);
});
