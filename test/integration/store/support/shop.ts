import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type CreateStoreOptions,
  createStore,
  type EmbeddedStore,
  folder,
  type LightningBackend,
  openSimulatedNetwork,
  type SellerBackend,
  type SimulatedNetwork,
  sat,
} from '../../../../src/index.ts';

/** A purchase as programs are told of it. */
export interface Told {
  readonly id: string;
  readonly link: string;
  readonly invoice: string;
  readonly token: string;
  readonly state: string;
  readonly deliveries: number;
  readonly delivered: number;
  readonly [field: string]: unknown;
}

/** A store on a port of its own, with a folder to sell, and a node that can pay it. */
export interface Shop extends AsyncDisposable {
  readonly store: EmbeddedStore;
  readonly network: SimulatedNetwork;
  readonly buyer: LightningBackend;
  readonly url: string;
  /** The folder that is for sale. */
  readonly dir: string;
  readonly log: readonly string[];
  put(name: string, text: string | Uint8Array): Promise<void>;
  pay(invoice: string): Promise<string>;
  /** Orders an item; answers what a program is told. */
  order(item: string): Promise<Told>;
  /** Orders, pays, and waits until the store knows. */
  buy(item: string): Promise<Told & { readonly preimage: string }>;
  get(url: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Stops the store and opens it again on the same files. */
  restart(): Promise<void>;
}

/** Opens one; `options` as for `createStore`, `seller` wraps the seller's node. */
export async function openShop(
  options: Partial<CreateStoreOptions> & { readonly seller?: (backend: LightningBackend) => SellerBackend } = {},
): Promise<Shop> {
  const { seller: wrap = (backend: LightningBackend): SellerBackend => backend, ...given } = options;
  const base = await mkdtemp(join(tmpdir(), 'tp-store-'));
  const dir = join(base, 'cats');
  await mkdir(dir);
  const network = await openSimulatedNetwork();
  const [node, buyer] = [await network.backend('seller'), await network.backend('buyer')];
  const seller = wrap(node);
  const log: string[] = [];
  const note = (fields: unknown, message: string) =>
    void log.push(`${message} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value))}`);
  const logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
  const start = () =>
    createStore({
      backend: seller,
      items: [folder(dir, { price: sat(10) })],
      path: join(base, 'store.db'),
      title: 'Cats',
      deliveries: 2,
      logger,
      ...given,
    });
  let store = await start();
  const server: Server = createServer((request, response) => store.middleware(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const shop: Shop = {
    get store() {
      return store;
    },
    network,
    buyer,
    url,
    dir,
    log,
    async put(name, text) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    },
    async pay(invoice) {
      const outcome = await buyer.payments.pay({ paymentRequest: invoice, maxFeeMsat: sat(100) });
      if (outcome.status !== 'settled') throw new Error(`the payment is ${outcome.status}`);
      return outcome.preimage;
    },
    async order(item) {
      const response = await fetch(`${url}/items/${item}`, { method: 'POST' });
      const body = (await response.json()) as { readonly purchase: Told };
      if (response.status !== 201) throw new Error(`${response.status} ${JSON.stringify(body)}`);
      return body.purchase;
    },
    async buy(item) {
      const told = await shop.order(item);
      const preimage = await shop.pay(told.invoice);
      const status = (await (await fetch(`${told.link}/status?wait=10`)).json()) as { readonly state: string };
      if (status.state !== 'settled') throw new Error(`the purchase is ${status.state}`);
      return { ...told, preimage };
    },
    get: (path, headers = {}) => fetch(path.startsWith('http') ? path : `${url}${path}`, { headers, redirect: 'manual' }),
    async restart() {
      await store.stop();
      store = await start();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await store.stop();
      for (const backend of [node, buyer]) await backend[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
      await rm(base, { recursive: true, force: true });
    },
  };
  return shop;
}
