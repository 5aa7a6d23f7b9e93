import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CreateTickerplantOptions,
  createTickerplant,
  type EmbeddedTickerplant,
  type LightningBackend,
  openSimulatedNetwork,
  type SimulatedNetwork,
  sat,
} from '../../../../src/index.ts';

/** A tickerplant with HTTP on a port of its own, and a node that can pay it. */
export interface World extends AsyncDisposable {
  readonly tickerplant: EmbeddedTickerplant;
  readonly network: SimulatedNetwork;
  readonly buyer: LightningBackend;
  readonly url: string;
  /** Pays; answers the preimage. */
  pay(invoice: string): Promise<string>;
  /** Publishes a row with this price. */
  publish(sym: string, ...prices: readonly number[]): void;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Buys symbols; answers the quote and the `Authorization` that goes with it. */
  buy(syms: readonly string[] | '*', table?: string): Promise<Bought>;
  /** Stops the tickerplant and starts it again on the same files and port. */
  restart(): Promise<void>;
}

/** Something that was paid for. */
export interface Bought {
  readonly quote: Readonly<Record<string, string>>;
  readonly preimage: string;
  readonly headers: { readonly Authorization: string };
}

/** Starts one. `http` and the rest as for `createTickerplant`. */
export async function openWorld(options: Partial<CreateTickerplantOptions> = {}): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'tp-http-'));
  const network = await openSimulatedNetwork();
  const [seller, buyer] = [await network.backend('seller'), await network.backend('buyer')];
  let port = 0;
  const start = () =>
    createTickerplant({
      backend: seller,
      tables: {
        trade: { columns: { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' }, symbols: ['AAPL', 'GOOG', 'IBM'] },
        halt: { columns: { time: 'timespan', sym: 'symbol', reason: 'string' }, symbols: ['AAPL'] },
      },
      ledger: { path: join(dir, 'ledger.db') },
      journal: { dir: join(dir, 'journal') },
      websocket: { port: 0 },
      stopDeadlineMs: 1_000,
      ...options,
      http: { ...options.http, port },
    });
  let tickerplant = await start();
  port = Number(new URL(tickerplant.httpUrl as string).port);
  const url = tickerplant.httpUrl as string;
  const world: World = {
    get tickerplant() {
      return tickerplant;
    },
    network,
    buyer,
    url,
    async pay(invoice) {
      const outcome = await buyer.payments.pay({ paymentRequest: invoice, maxFeeMsat: sat(100) });
      if (outcome.status !== 'settled') throw new Error(`the payment is ${outcome.status}`);
      return outcome.preimage;
    },
    publish(sym, ...prices) {
      for (const price of prices) tickerplant.publish('trade', [['2026-11-20T14:30:00.000Z', sym, price, 100]]);
    },
    fetch: (path, init) => fetch(`${url}${path}`, init),
    post: (path, body, headers = {}) =>
      fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } }),
    async buy(syms, table = 'trade') {
      const response = await world.post('/v1/quotes', { table, syms });
      const quote = (await response.json()) as Record<string, string>;
      const preimage = await world.pay(quote['invoice'] as string);
      const headers = { Authorization: `L402 ${quote['token']}:${preimage}` };
      const status = await world.fetch(`/v1/quotes/${quote['quote']}?wait=10`, { headers });
      if (((await status.json()) as { state: string }).state !== 'settled') throw new Error('the payment did not arrive');
      return { quote, preimage, headers };
    },
    async restart() {
      await tickerplant.stop();
      tickerplant = await start();
    },
    async [Symbol.asyncDispose]() {
      await tickerplant.stop();
      for (const backend of [seller, buyer]) await backend[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return world;
}
