import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addDevice, listDevices, revokeDevice } from '../../../../src/app/maintenance/devices.ts';
import { ANYTHING, type DeviceTerms } from '../../../../src/core/devices/terms.ts';
import {
  type CreateTickerplantOptions,
  createTickerplant,
  type EmbeddedTickerplant,
  type LightningBackend,
  openSimulatedNetwork,
  sat,
} from '../../../../src/index.ts';

export const ITEMS = {
  water: { msat: '1000..50000' },
  power: { msat: 5000, description: 'a quarter of an hour of power' },
  data: { msat: 7000, expiry: '1s' },
};

/** A tickerplant with every door for devices, and a customer's node that can pay. */
export interface World extends AsyncDisposable {
  readonly tickerplant: EmbeddedTickerplant;
  readonly seller: LightningBackend;
  readonly customer: LightningBackend;
  readonly ledger: string;
  readonly urls: { readonly websocket: string; readonly http: string; readonly mqtt: string };
  /** A device and its token. */
  device(name: string, terms?: Partial<DeviceTerms>): Promise<{ readonly device: string; readonly token: string }>;
  revoke(name: string): Promise<void>;
  counters(name: string): Promise<{ invoices: number; settled: number; receivedMsat: string; acknowledged: number }>;
  pay(invoice: string): Promise<void>;
  stop(): Promise<void>;
  /** Starts it again on the same files and ports. */
  start(): Promise<void>;
}

/** Starts one. */
export async function openWorld(options: Partial<CreateTickerplantOptions> = {}): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'tp-devices-'));
  const ledger = join(dir, 'ledger.db');
  const network = await openSimulatedNetwork();
  const [seller, customer] = [await network.backend('seller'), await network.backend('buyer')];
  const ports = { websocket: 0, http: 0, mqtt: 0 };
  const start = () =>
    createTickerplant({
      backend: seller,
      ledger: { path: ledger },
      journal: { dir: join(dir, 'journal') },
      websocket: { port: ports.websocket },
      http: { port: ports.http },
      mqtt: { port: ports.mqtt },
      devices: { items: ITEMS, retell: '1s' },
      stopDeadlineMs: 1_000,
      ...options,
    });
  let tickerplant = await start();
  const portOf = (url: string) => (url === '' ? 0 : Number(new URL(url).port));
  const { url = '', httpUrl = '', mqttUrl = '' } = tickerplant;
  if (options.mqtt === undefined) Object.assign(ports, { mqtt: portOf(mqttUrl) });
  Object.assign(ports, { websocket: portOf(url), http: portOf(httpUrl) });
  return {
    get tickerplant() {
      return tickerplant;
    },
    seller,
    customer,
    ledger,
    urls: { websocket: url, http: httpUrl, mqtt: mqttUrl },
    device: async (name, terms) => await addDevice(ledger, name, { ...ANYTHING, ...terms }),
    revoke: async (name) => void (await revokeDevice(ledger, name)),
    async counters(name) {
      const found = (await listDevices(ledger)).devices.find((each) => each.name === name);
      if (found === undefined) throw new Error(`no device ${name}`);
      const { invoices, settled, receivedMsat, acknowledged } = found;
      return { invoices, settled, receivedMsat, acknowledged };
    },
    async pay(invoice) {
      const outcome = await customer.payments.pay({ paymentRequest: invoice, maxFeeMsat: sat(100) });
      if (outcome.status !== 'settled') throw new Error(`the payment is ${outcome.status}`);
    },
    stop: () => tickerplant.stop(),
    async start() {
      tickerplant = await start();
    },
    async [Symbol.asyncDispose]() {
      await tickerplant.stop();
      for (const backend of [seller, customer]) await backend[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
