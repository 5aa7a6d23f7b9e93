import type { Clock } from '../ports/clock.ts';
import type { DeviceCredentials } from '../ports/credentials.ts';
import type { DeviceCounters, DeviceInvoice, DeviceLedger, DeviceRevocation, DeviceSettlement } from '../ports/device-ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { Random } from '../ports/random.ts';
import { TickerplantError } from '../tickerplant/errors.ts';
import { Invoicing } from '../tickerplant/invoicing.ts';
import { QuoteSweeper } from '../tickerplant/quote-sweeper.ts';
import type { SellerBackend, SellerNode } from '../tickerplant/seller-node.ts';
import { UnpaidQuotes } from '../tickerplant/unpaid-quotes.ts';
import { InvoiceMaker, type OpenInvoice, revokedDevice, toOpen } from './invoice-maker.ts';
import type { DevicesOptions } from './items.ts';
import type { Acknowledgement, AskedInvoice, DeviceConnection, DeviceHolder, DeviceRequest, DeviceService, DeviceSink } from './service.ts';
import { Teller } from './teller.ts';
import { ANYTHING, checkTime, termsOf } from './terms.ts';

/** What the desk leans on. */
export interface DeviceDeskDependencies {
  readonly options: DevicesOptions;
  readonly credentials: DeviceCredentials;
  readonly node: SellerNode;
  readonly backend: SellerBackend;
  readonly ledger: DeviceLedger;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Whether every settlement that the node has on record has had its effect. */
  readonly isCaughtUp: () => boolean;
}

/** More of one device at a time, and the oldest ends: it is most likely half open. */
const CONNECTIONS_PER_DEVICE = 4;

/** Many devices that share the seller's node: who they are, invoices for their customers, and their payments, each told its own only. */
export class DeviceDesk implements DeviceService {
  readonly #dependencies: DeviceDeskDependencies;
  readonly #open: UnpaidQuotes<OpenInvoice>;
  readonly #sweeper: QuoteSweeper<OpenInvoice>;
  readonly #maker: InvoiceMaker;
  readonly #connections = new Map<string, Set<Connection>>();
  readonly #listeners = new Set<(settlement: DeviceSettlement) => void>();
  /** Of this process: one that was found good just before must not slip through. */
  readonly #revoked = new Set<string>();
  #stopped = false;

  constructor(dependencies: DeviceDeskDependencies) {
    this.#dependencies = dependencies;
    const { options, ledger } = dependencies;
    this.#open = new UnpaidQuotes({ openQuotes: options.openInvoices, openQuotesPerAddress: options.openInvoices });
    this.#sweeper = new QuoteSweeper({
      ...dependencies,
      open: this.#open,
      ledger: {
        expireQuotes: async (node, now) => (await ledger.expireDeviceInvoices(node, now)).map(toOpen),
        invoicesToCancel: async (node) => (await ledger.deviceInvoicesToCancel(node)).map(toOpen),
        invoiceClosed: (id) => ledger.deviceInvoiceClosed(id),
        pruneQuotes: (node, before, limit) => ledger.pruneDeviceInvoices(node, before, limit),
      },
      onExpired: () => undefined,
    });
    const invoicing = new Invoicing({ ...dependencies, expirySeconds: 0 });
    this.#maker = new InvoiceMaker({ ...dependencies, open: this.#open, sweeper: this.#sweeper, invoicing });
  }

  async authenticate(token: string): Promise<DeviceHolder> {
    const { credentials, ledger, clock } = this.#dependencies;
    const record = await ledger.device(credentials.identify(token));
    if (record === undefined) throw new TickerplantError('BAD_TOKEN', 'this token is not one of this server');
    const terms = termsOf(credentials.verify(token, record.rootKey));
    if (record.revokedAt !== undefined) throw revokedDevice();
    checkTime(terms, clock.now());
    return { device: record.id, name: record.name, terms };
  }

  async ask(holder: DeviceHolder, request: DeviceRequest): Promise<AskedInvoice> {
    if (this.#stopped) throw new TickerplantError('STOPPING', 'the server is going down; ask again in a moment');
    return await this.#maker.ask(holder, request);
  }

  async invoice({ device }: DeviceHolder, id: string): Promise<DeviceInvoice | undefined> {
    const found = await this.#dependencies.ledger.deviceInvoice(id);
    return found?.device === device ? found : undefined;
  }

  async counters({ device }: DeviceHolder): Promise<DeviceCounters> {
    const record = await this.#dependencies.ledger.device(device);
    if (record === undefined) throw new TickerplantError('BAD_TOKEN', 'this token is not one of this server');
    return record.counters;
  }

  unacknowledged({ device }: DeviceHolder, limit: number): Promise<readonly DeviceSettlement[]> {
    return this.#dependencies.ledger.unacknowledged(device, limit);
  }

  async acknowledge({ device, terms }: DeviceHolder, settlements: readonly string[]): Promise<Acknowledgement> {
    const { ledger, clock } = this.#dependencies;
    checkTime(terms, clock.now());
    const done = await ledger.acknowledgeSettlements(device, settlements, clock.now());
    // There may be room for more, and nothing of it needs telling again.
    for (const connection of this.#connections.get(device) ?? []) connection.look();
    return done;
  }

  whenSettled({ device }: DeviceHolder, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (settled: boolean) => {
        listening[Symbol.dispose]();
        timer[Symbol.dispose]();
        signal.removeEventListener('abort', gone);
        resolve(settled);
      };
      const gone = () => end(false);
      const listening = this.onSettled((settlement) => {
        if (settlement.device === device) end(true);
      });
      const timer = this.#dependencies.clock.setTimer(timeoutMs, gone);
      if (signal.aborted) gone();
      else signal.addEventListener('abort', gone);
    });
  }

  connect(holder: DeviceHolder, sink: DeviceSink): DeviceConnection {
    const { ledger, clock, logger, options } = this.#dependencies;
    if (this.#revoked.has(holder.device)) throw revokedDevice();
    const others = this.#connections.get(holder.device) ?? new Set();
    this.#connections.set(holder.device, others);
    const [oldest] = others;
    if (others.size >= CONNECTIONS_PER_DEVICE)
      oldest?.end(new TickerplantError('TOO_MANY', `the device is connected ${CONNECTIONS_PER_DEVICE} times, and this was the oldest`));
    const teller = new Teller(holder.device, sink, { ledger, clock, logger, retellMs: options.retellMs });
    const connection = new Connection(holder, sink, teller, clock, () => this.#forget(holder.device, connection));
    others.add(connection);
    this.#connections.set(holder.device, others);
    return connection;
  }

  async toTell(): Promise<readonly DeviceHolder[]> {
    const { ledger } = this.#dependencies;
    const ids = new Set(await ledger.devicesToTell());
    return (await ledger.devices()).filter(({ id }) => ids.has(id)).map(({ id, name }) => ({ device: id, name, terms: ANYTHING }));
  }

  onSettled(listener: (settlement: DeviceSettlement) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** A payment of a device's that is durable: tells it, wherever it is connected. */
  settled(settlement: DeviceSettlement): void {
    const { device, paymentHash } = settlement;
    this.#open.delete({ paymentHash, subscription: device });
    for (const connection of this.#connections.get(device) ?? []) connection.look();
    for (const listener of [...this.#listeners]) listener(settlement);
  }

  /** A device's token was revoked in the ledger: ends its connections and takes its invoices back at the node. */
  revoked({ device, withdrawn }: DeviceRevocation): void {
    this.#revoked.add(device);
    for (const connection of [...(this.#connections.get(device) ?? [])]) connection.end(revokedDevice());
    for (const invoice of this.#open.of(device)) if (withdrawn.includes(invoice.id)) this.#open.delete(invoice);
    if (!this.#stopped) void this.#sweeper.sweep();
  }

  /** Takes up the open invoices of earlier runs. @throws LightningError while the node can't be reached. */
  async restore(): Promise<void> {
    const { node, ledger } = this.#dependencies;
    const { identity } = await node.known();
    for (const invoice of await ledger.openDeviceInvoices(identity)) this.#open.add(toOpen(invoice));
    await this.#sweeper.sweep();
  }

  /** Takes no more requests, and tells nobody any more. */
  stop(): void {
    this.#stopped = true;
    for (const connections of [...this.#connections.values()]) for (const connection of [...connections]) connection.close();
    this.#sweeper.stop();
  }

  #forget(device: string, connection: Connection): void {
    const others = this.#connections.get(device);
    others?.delete(connection);
    if (others?.size === 0) this.#connections.delete(device);
  }
}

/** A device that is there now. */
class Connection implements DeviceConnection {
  readonly #sink: DeviceSink;
  readonly #teller: Teller;
  readonly #onClosed: () => void;
  readonly #expiry: Disposable | undefined;
  #telling = false;
  #closed = false;

  constructor({ terms }: DeviceHolder, sink: DeviceSink, teller: Teller, clock: Clock, onClosed: () => void) {
    this.#sink = sink;
    this.#teller = teller;
    this.#onClosed = onClosed;
    const { until } = terms;
    if (until === undefined) return;
    this.#expiry = clock.setTimer(Math.max(0, until - clock.now()), () =>
      this.end(new TickerplantError('TOKEN_EXPIRED', "the device's token has ended")),
    );
  }

  tell(): void {
    if (this.#closed) return;
    this.#telling = true;
    this.#teller.tellAll();
  }

  /** Something of the device's has changed. */
  look(): void {
    if (this.#telling && !this.#closed) this.#teller.look();
  }

  end(error: TickerplantError): void {
    if (this.#closed) return;
    this.close();
    this.#sink.ended(error);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#expiry?.[Symbol.dispose]();
    this.#teller.close();
    this.#onClosed();
  }
}
