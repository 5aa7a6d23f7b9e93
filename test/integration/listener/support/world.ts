import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { simulatedBackend } from '../../../../src/adapters/simulated/backend/backend.ts';
import { type EmbeddedSimnet, openSimnet } from '../../../../src/adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../../../../src/adapters/simulated/simnet-config.ts';
import { systemClock as clock, systemRandom as random } from '../../../../src/app/system.ts';
import { msat } from '../../../../src/core/lightning/amount.ts';
import type { LightningBackend, NodeIdentity } from '../../../../src/core/lightning/backend.ts';
import { type LogFields, type Logger, silentLogger } from '../../../../src/core/ports/logger.ts';
import { nodeSource } from '../../../../src/core/tickerplant/node-source.ts';
import { SellerNode } from '../../../../src/core/tickerplant/seller-node.ts';
import { SettlementFollower } from '../../../../src/core/tickerplant/settlement-follower.ts';
import { DEFAULT_SETTLEMENT_POLICY } from '../../../../src/core/tickerplant/settlement-policy.ts';
import { listenerSource } from '../../../../src/listener/client/listener-source.ts';
import { type ListenerClientConfig, type ListenerConfig, listenerSchema } from '../../../../src/listener/config.ts';
import { type Listener, startListener } from '../../../../src/listener/listener.ts';
import { type Outbox, openOutbox } from '../../../../src/listener/outbox/outbox.ts';
import { openSqliteLedger, type SqliteLedger } from '../../../../src/storage/ledger/sqlite-ledger.ts';
import { MemoryIntents } from '../../../support/memory-intents.ts';
import { TestFolder } from '../../../unit/storage/support/folders.ts';
import { newQuote, PRICE } from '../../../unit/storage/support/quotes.ts';

export const TOKEN = 'a-token-of-the-one-server';

/** What is recorded of the log. */
export interface LogLine {
  readonly level: string;
  readonly fields: LogFields;
  readonly message: string;
}

/** A seller's node, its listener, a ledger with the part of a server that learns what was paid, and somebody who pays. */
export class ListenerWorld implements AsyncDisposable {
  readonly folder: TestFolder = new TestFolder();
  readonly outboxPath: string = this.folder.join('outbox.db');
  readonly lines: LogLine[] = [];
  /** How often each quote has been granted. */
  readonly granted: Map<string, number> = new Map();
  readonly paid: Set<string> = new Set();
  readonly changes: { config?: object };
  store!: SqliteLedger;
  listener: Listener | undefined;
  outbox: Outbox | undefined;
  follower: SettlementFollower | undefined;
  #simnet!: EmbeddedSimnet;
  #seller!: LightningBackend;
  #buyer!: LightningBackend;
  #identity!: NodeIdentity;
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #port = 0;
  #scheme = 'ws:';
  #made = 0;
  /** Whether the node's cursors are good for anybody, as eclair's are not. */
  readonly #ordered: boolean;

  private constructor(options: { readonly ordered?: boolean; readonly config?: object }) {
    this.#ordered = options.ordered ?? true;
    this.changes = options;
  }

  static async open(options: { readonly ordered?: boolean; readonly config?: object } = {}): Promise<ListenerWorld> {
    const world = new ListenerWorld(options);
    const topology = simnetConfigSchema.parse({
      nodes: ['seller', 'buyer', 'other'],
      channels: [{ from: 'buyer', to: 'seller', sat: 10_000_000 }],
    });
    const dependencies = { clock, random, logger: silentLogger };
    world.#simnet = openSimnet({ ...topology, dir: undefined, seed: 1 }, dependencies);
    world.#seller = world.backend('seller');
    world.#buyer = world.backend('buyer');
    world.#identity = await world.#seller.node.identity();
    world.store = await openSqliteLedger({ path: world.folder.join('ledger.db'), logger: silentLogger });
    return world;
  }

  backend(node: string): LightningBackend {
    const backend = simulatedBackend(this.#simnet.node(node), { clock, random, logger: silentLogger, intents: new MemoryIntents() });
    return { ...backend, capabilities: { ...backend.capabilities, orderedSettlements: this.#ordered } };
  }

  get identity(): NodeIdentity {
    return this.#identity;
  }

  get url(): string {
    return `${this.#scheme}//127.0.0.1:${this.#port}`;
  }

  config(): ListenerConfig {
    const servers = [{ name: 'shop', token: TOKEN }];
    return listenerSchema.parse({
      outbox: { path: this.outboxPath },
      listen: { port: this.#port },
      servers,
      invoices: { everySeconds: 0.1 },
      ...this.changes.config,
    });
  }

  async startListener(node = 'seller'): Promise<void> {
    if (this.listener !== undefined) return;
    this.outbox = openOutbox({ path: this.outboxPath, clock, random });
    const parts = {
      config: this.config(),
      backend: this.backend(node),
      outbox: this.outbox,
      clock,
      random,
      logger: this.logger('listener'),
    };
    this.listener = await startListener(parts);
    const { protocol, port } = new URL(this.listener.url);
    this.#scheme = protocol;
    this.#port = Number(port);
  }

  async stopListener(): Promise<void> {
    await this.listener?.stop();
    this.outbox?.[Symbol.dispose]();
    this.listener = undefined;
    this.outbox = undefined;
  }

  async loseOutbox(): Promise<void> {
    await this.stopListener();
    for (const end of ['', '-wal', '-shm', '-lock']) rmSync(`${this.outboxPath}${end}`, { force: true });
  }

  /** Keeps a copy of the outbox as it is now, while nobody has it open. */
  async keepCopy(): Promise<void> {
    await this.stopListener();
    if (existsSync(this.outboxPath)) copyFileSync(this.outboxPath, this.folder.join('copy.db'));
  }

  /** Puts the copy in the outbox's place. */
  async restoreCopy(): Promise<void> {
    if (!existsSync(this.folder.join('copy.db'))) return;
    await this.loseOutbox();
    copyFileSync(this.folder.join('copy.db'), this.outboxPath);
  }

  /** The part of a server that applies settlements: behind the listener, or at the node itself. */
  startServer(from: 'listener' | 'node', changes: Partial<ListenerClientConfig> = {}): void {
    if (this.#running !== undefined) return;
    const { ledger } = this.store;
    const backend = this.#seller;
    const logger = this.logger('server');
    const node = new SellerNode(backend, ledger, logger);
    const client = { url: this.url, token: TOKEN, caFile: undefined, allowPlain: false, ...changes };
    const source = from === 'node' ? nodeSource(node, backend) : listenerSource(client, { node, backend, clock, random, logger });
    this.follower = new SettlementFollower({
      node,
      backend,
      source,
      cursors: ledger,
      clock,
      logger,
      apply: async (identity, event, { source: name, nodeCursor }) => {
        const effect = await ledger.applySettlement({
          node: identity,
          source: name,
          cursor: event.cursor,
          nodeCursor,
          kind: event.kind,
          settlement: event.settlement,
          now: clock.now(),
          epoch: 1,
          next: {},
          policy: DEFAULT_SETTLEMENT_POLICY,
          gone: [],
          dayEnds: clock.now() + 1_000_000,
        });
        if (effect.kind === 'granted') this.granted.set(effect.quote.id, (this.granted.get(effect.quote.id) ?? 0) + 1);
      },
    });
    this.#stop = new AbortController();
    this.#running = this.follower.run(this.#stop.signal);
  }

  async stopServer(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#running = undefined;
    this.follower = undefined;
  }

  /** Makes a quote with an invoice of the node. */
  async quote(): Promise<{ readonly name: string; readonly invoice: string }> {
    this.#made += 1;
    const name = `quote-${this.#made}`;
    const invoice = await this.#seller.invoices.create({ amountMsat: PRICE, description: name, expirySeconds: 600, label: name });
    const expiresAt = clock.now() + 600_000;
    const quote = newQuote(name, { node: this.#identity, paymentHash: invoice.paymentHash, expiresAt, createdAt: clock.now() });
    await this.store.ledger.createQuote(quote);
    return { name, invoice: invoice.paymentRequest };
  }

  /** Makes a quote and pays it. */
  async sell(): Promise<string> {
    const { name, invoice } = await this.quote();
    await this.#buyer.payments.pay({ paymentRequest: invoice, maxFeeMsat: msat(10_000) });
    this.paid.add(name);
    return name;
  }

  /** Cuts every connection to the listener without a word, as a network would. */
  async isReachable(): Promise<boolean> {
    return await new Promise((resolve) => {
      const socket = connect(this.#port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  }

  logger(part: string): Logger {
    const log =
      (level: string) =>
      (fields: LogFields, message: string): void =>
        void this.lines.push({ level, fields: { part, ...fields }, message });
    const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error'), child: () => logger };
    return logger;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopServer();
    await this.stopListener();
    await this.store[Symbol.asyncDispose]();
    await this.#simnet[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
