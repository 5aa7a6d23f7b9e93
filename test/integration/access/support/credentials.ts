import { newMacaroon } from 'macaroon';
import { deviceCredentials } from '../../../../src/credentials/device-token.ts';
import { attenuate } from '../../../../src/credentials/l402.ts';
import type { Shop } from '../../store/support/shop.ts';
import type { Plant } from './plant.ts';

/** A credential as it can be shown; what is left out can't be. */
export interface Shown {
  /** A buyer's: in `resume`, and as kdb+'s password. */
  readonly token?: string;
  /** HTTP's `Authorization`, and that of the request which opens a WebSocket. */
  readonly authorization?: string;
  /** The store's, in the URL. */
  readonly link?: string;
  /** In the URL. */
  readonly ticket?: () => Promise<string>;
  /** The device's id, MQTT's user name. */
  readonly device?: string;
  /** kdb+'s `user:password`. */
  readonly login?: string;
}

/** Tokens of operators that the server was started with, by name. */
export type Operators = Readonly<Record<string, string>>;

/** What a store's credentials are of. */
const ITEM = 'cat.txt';

interface Bought {
  /** The quote's id. */
  readonly quote: string;
  readonly token: string;
  readonly subscription: string;
  readonly invoice: string;
}

/** A quote for AAPL, not paid. */
export async function quoted(plant: Plant): Promise<Bought> {
  const response = await fetch(`${plant.http}/v1/quotes`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ table: 'trade', syms: ['AAPL'] }),
  });
  const quote = (await response.json()) as Bought;
  plant.quotes.set(quote.token, quote.quote);
  return quote;
}

/** The same, paid. */
export async function bought(plant: Plant): Promise<Bought & { readonly preimage: string }> {
  const quote = await quoted(plant);
  return { ...quote, preimage: await plant.pay(quote.invoice) };
}

const buyer = (token: string): Shown => ({ token, authorization: `Bearer ${token}`, login: `me:${token}` });
const device = ({ id, token }: { readonly id: string; readonly token: string }): Shown => ({ ...buyer(token), device: id });

let devices = 0;

/** A device that is there, as `tickerplant device add` makes one. */
export async function addedDevice(plant: Plant, caveats: readonly string[] = []): Promise<{ readonly id: string; readonly token: string }> {
  devices += 1;
  const [id, rootKey] = [devices.toString(16).padStart(32, '0'), '07'.repeat(32)];
  await plant.server.store.ledger.addDevice({ id, name: `device ${devices}`, rootKey, createdAt: 1 });
  return { id, token: deviceCredentials.mint(id, rootKey, caveats) };
}

const operator =
  (name: string) =>
  async (_plant: Plant, operators: Operators): Promise<Shown> => ({
    authorization: `Bearer ${operators[name]}`,
    login: `me:${operators[name]}`,
  });

/** The last part of a link is the secret. */
function linked(link: string): Shown {
  const secret = link.split('/').at(-1) as string;
  return { link, authorization: `Bearer ${secret}`, login: `me:${secret}` };
}

/** How each credential of docs/security.md is come by; fresh each time. A row of its tables needs an entry here. */
export const CREDENTIALS: Readonly<Record<string, (plant: Plant, operators: Operators, shop: Shop) => Promise<Shown>>> = {
  none: async () => ({ login: 'me:anything' }),
  "buyer's token": async (plant) => buyer((await bought(plant)).token),
  "buyer's token and preimage": async (plant) => {
    const { token, preimage } = await bought(plant);
    return { authorization: `L402 ${token}:${preimage}` };
  },
  "buyer's token and another preimage": async (plant) => ({ authorization: `L402 ${(await bought(plant)).token}:${'ab'.repeat(32)}` }),
  "buyer's token, not paid": async (plant) => buyer((await quoted(plant)).token),
  "buyer's token, run out": async (plant) => buyer(attenuate((await bought(plant)).token, 'valid_until=1700000000')),
  "buyer's token, revoked": async (plant) => {
    const { token, subscription } = await bought(plant);
    await plant.server.tickerplant.revoke(subscription);
    return buyer(token);
  },
  "stream's ticket": async (plant) => {
    const { token } = await bought(plant);
    const ticket = async () => {
      const response = await fetch(`${plant.http}/v1/tickets`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
      return ((await response.json()) as { ticket: string }).ticket;
    };
    return { ticket };
  },
  "device's token": async (plant) => device(await addedDevice(plant)),
  "device's token, run out": async (plant) => device(await addedDevice(plant, ['valid_until=1700000000'])),
  "device's token, another device's name": async (plant) =>
    device({ token: (await addedDevice(plant)).token, id: (await addedDevice(plant)).id }),
  "device's token, revoked": async (plant) => {
    const { token, id } = await addedDevice(plant);
    await plant.server.tickerplant.revokeDevice(id);
    return device({ id, token });
  },
  'macaroon of a node': async () => {
    const macaroon = newMacaroon({ identifier: Buffer.alloc(40, 3), location: 'lnd', rootKey: Buffer.alloc(32, 7), version: 2 });
    return buyer(Buffer.from(macaroon.exportBinary()).toString('base64'));
  },
  "publisher's token": operator('publisher'),
  "publisher's token, another table": operator('other-table'),
  "publisher's token, another address": operator('elsewhere'),
  "publisher's token, run out": operator('run-out'),
  "publisher's token, revoked": operator('revoked'),
  "admin's token": operator('admin'),
  'metrics token': operator('metrics'),
  'token of transports.http.metrics': operator('http.metrics'),
  "listener's token": operator('listener'),
  "listener's status token": operator('listener-status'),
  "store's link": async (_, __, shop) => linked((await shop.buy(ITEM)).link),
  "store's link, not paid": async (_, __, shop) => linked((await shop.order(ITEM)).link),
  "store's token and preimage": async (_, __, shop) => {
    const { token, preimage } = await shop.buy(ITEM);
    return { authorization: `L402 ${token}:${preimage}` };
  },
  "store's token and another preimage": async (_, __, shop) => ({
    authorization: `L402 ${(await shop.buy(ITEM)).token}:${'ab'.repeat(32)}`,
  }),
  "store's token, not paid": async (_, __, shop) => ({ authorization: `Bearer ${(await shop.order(ITEM)).token}` }),
  "publisher's login": async () => ({ login: 'feed:correct horse' }),
  "publisher's login, another table": async () => ({ login: 'halts:correct horse' }),
  "publisher's login, wrong password": async () => ({ login: 'feed:wrong horse' }),
};
