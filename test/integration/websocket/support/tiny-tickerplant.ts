import { msat } from '../../../../src/core/lightning/amount.ts';
import { paymentHash } from '../../../../src/core/lightning/identifiers.ts';
import { TickerplantError } from '../../../../src/core/tickerplant/errors.ts';
import type { ActiveEvent, QuoteItem, QuoteOffer, ResumePosition } from '../../../../src/core/tickerplant/messages.ts';
import { PublishedRows } from '../../../../src/core/tickerplant/published-rows.ts';
import type { FlatPricing, Row, TableDefinition } from '../../../../src/core/tickerplant/schema.ts';
import type {
  BuyerConnection,
  IdentifiedToken,
  Resumed,
  SubscribeRequest,
  SubscribeResult,
  SubscriberSink,
  TickerplantService,
} from '../../../../src/core/tickerplant/service.ts';

const UNTIL = Date.parse('2026-11-21T14:30:00Z');
const EPOCH = 1;
const FLAT: FlatPricing = { kind: 'flat', msat: 100_000n, lastsMs: 86_400_000, replayMs: 86_400_000 };

interface Subscription {
  readonly id: string;
  /** Table → symbols that are paid. */
  readonly paid: Map<string, Set<string>>;
  live: { readonly sink: SubscriberSink; readonly stopped: Set<string> } | undefined;
}

/** A tickerplant small enough to be read at a glance: no node, no ledger; a quote is paid by calling {@link settle}. */
export class TinyTickerplant implements TickerplantService {
  readonly epoch: number = EPOCH;
  readonly connections: Set<TinyConnection> = new Set();
  readonly addresses: string[] = [];
  readonly subscriptions: Map<string, Subscription> = new Map();
  readonly quotes: Map<string, { readonly subscription: Subscription; readonly items: readonly QuoteItem[] }> = new Map();
  /** Runs within every subscribe, before it answers. */
  onSubscribe: (offer: QuoteOffer) => void | Promise<void> = () => undefined;
  /** Runs within a subscribe that has nothing left to pay, before it answers. */
  onGranted: () => void = () => undefined;
  /** Runs when a buyer connects. */
  onConnect: () => void = () => undefined;
  readonly #tables: readonly TableDefinition[];
  readonly #history: PublishedRows[] = [];
  readonly #seqs = new Map<string, number>();

  constructor(symbols: Readonly<Record<string, readonly string[]>> = { trade: ['AAPL', 'GOOG'], halt: ['AAPL'] }) {
    this.#tables = Object.entries(symbols).map(([name, syms]) => ({
      name,
      columns: [
        { name: 'time', type: 'timestamp' },
        { name: 'sym', type: 'symbol' },
        { name: 'price', type: 'float' },
      ],
      symbols: syms,
      pricing: FLAT,
    }));
  }

  tables(): readonly TableDefinition[] {
    return this.#tables;
  }

  symbols(table: string): readonly string[] {
    return this.#tables.find(({ name }) => name === table)?.symbols ?? [];
  }

  connect({ address, sink }: { readonly address: string; readonly sink: SubscriberSink }): BuyerConnection {
    this.onConnect();
    this.addresses.push(address);
    const connection = new TinyConnection(this, sink);
    this.connections.add(connection);
    return connection;
  }

  /** The quote is paid. */
  settle(quote: string): void {
    const found = this.quotes.get(quote);
    if (found === undefined) throw new Error('no such quote');
    const { subscription, items } = found;
    for (const { table, syms } of items) {
      const paid = subscription.paid.get(table) ?? new Set();
      for (const sym of syms) paid.add(sym);
      subscription.paid.set(table, paid);
      subscription.live?.sink.active(this.activeEvent(subscription.id, quote, table, syms));
    }
  }

  activeEvent(subscription: string, quote: string, table: string, syms: readonly string[]): ActiveEvent {
    const next = Object.fromEntries(syms.map((sym) => [sym, this.next(table, sym)]));
    return { subscription, quote, table, syms, until: UNTIL, epoch: EPOCH, next };
  }

  next(table: string, sym: string): number {
    return (this.#seqs.get(`${table} ${sym}`) ?? 0) + 1;
  }

  history(table: string, sym: string, after: number): readonly PublishedRows[] {
    return this.#history.filter((rows) => rows.table === table && rows.sym === sym && rows.seq > after);
  }

  publish(table: string, rows: readonly Row[]): void {
    for (const row of rows) {
      const sym = String(row[1]);
      const seq = this.next(table, sym);
      this.#seqs.set(`${table} ${sym}`, seq);
      const published = new PublishedRows(table, sym, EPOCH, seq, 1, Buffer.from(JSON.stringify([row])), [row]);
      this.#history.push(published);
      for (const { paid, live } of this.subscriptions.values()) {
        if (paid.get(table)?.has(sym) === true && live?.stopped.has(`${table} ${sym}`) === false) live.sink.rows(published);
      }
    }
  }

  endOfDay(date: string): void {
    for (const { sink } of this.connections) sink.endOfDay(date);
  }
}

class TinyConnection implements BuyerConnection {
  readonly sink: SubscriberSink;
  readonly #plant: TinyTickerplant;
  #own: Subscription | undefined;

  constructor(plant: TinyTickerplant, sink: SubscriberSink) {
    this.#plant = plant;
    this.sink = sink;
  }

  async subscribe(request: SubscribeRequest): Promise<SubscribeResult> {
    const subscription = this.#subscriptionOf(request.subscription);
    const items = this.#items(request);
    const unpaid = items
      .map(({ table, syms }) => ({ table, syms: syms.filter((sym) => subscription.paid.get(table)?.has(sym) !== true) }))
      .filter(({ syms }) => syms.length > 0);
    if (unpaid.length === 0) {
      for (const { table, syms } of items) for (const sym of syms) subscription.live?.stopped.delete(`${table} ${sym}`);
      this.#plant.onGranted();
      return { kind: 'granted', active: items.map(({ table, syms }) => this.#plant.activeEvent(subscription.id, 'q-paid', table, syms)) };
    }
    const quote = `q-${this.#plant.quotes.size + 1}`;
    this.#plant.quotes.set(quote, { subscription, items: unpaid });
    const columns = this.#plant.tables()[0]?.columns ?? [];
    const offer: QuoteOffer = {
      quote,
      subscription: subscription.id,
      token: `token-of-${subscription.id}`,
      items: unpaid.map((item) => ({ ...item, schema: columns, terms: FLAT, amountMsat: msat(100_000n * BigInt(item.syms.length)) })),
      reason: 'asked',
      creditMsat: msat(0),
      amountMsat: msat(100_000n * BigInt(unpaid.flatMap(({ syms }) => syms).length)),
      invoice: 'lnbcrt1example',
      paymentHash: paymentHash('ab'.repeat(32)),
      expiresAt: UNTIL - 86_400_000,
      until: UNTIL,
      node: { id: `02${'cd'.repeat(32)}`, uris: [] },
    };
    await this.#plant.onSubscribe(offer);
    return { kind: 'quote', offer };
  }

  async resume(token: string, after: Readonly<Record<string, ResumePosition>>, onResumed: (resumed: Resumed) => void): Promise<void> {
    const subscription = this.#plant.subscriptions.get(token.replace('token-of-', ''));
    if (subscription === undefined) throw new TickerplantError('BAD_TOKEN', 'not a token of this tickerplant');
    if (subscription.paid.size === 0) throw new TickerplantError('NOT_SETTLED', 'the quote of this token is not paid');
    if (subscription.live !== undefined && subscription.live.sink !== this.sink) subscription.live.sink.superseded(subscription.id);
    subscription.live = undefined;
    const tables = [...subscription.paid].map(([table, syms]) => ({ table, syms: [...syms], until: UNTIL, epoch: EPOCH }));
    onResumed({ subscription: subscription.id, tables });
    for (const { table, syms } of tables) {
      for (const sym of syms) {
        for (const rows of this.#plant.history(table, sym, after[table]?.seqs[sym] ?? 0)) {
          this.sink.rows(rows);
          await this.sink.drained();
        }
      }
    }
    this.#own = subscription;
    subscription.live = { sink: this.sink, stopped: new Set() };
  }

  async identify(token: string): Promise<IdentifiedToken> {
    const subscription = this.#plant.subscriptions.get(token.replace('token-of-', ''));
    if (subscription === undefined) throw new TickerplantError('BAD_TOKEN', 'not a token of this tickerplant');
    return { subscription: subscription.id, state: subscription.paid.size === 0 ? 'unpaid' : 'live', narrowed: false };
  }

  async unsubscribe(request: Parameters<BuyerConnection['unsubscribe']>[0]): Promise<readonly string[]> {
    const subscription = this.#subscriptionOf(request.subscription);
    const paid = [...(subscription.paid.get(request.table) ?? [])];
    const stopped = request.syms === '*' ? paid : paid.filter((sym) => request.syms.includes(sym));
    for (const sym of stopped) subscription.live?.stopped.add(`${request.table} ${sym}`);
    return stopped;
  }

  close(): void {
    this.#plant.connections.delete(this);
    if (this.#own?.live?.sink === this.sink) this.#own.live = undefined;
  }

  #subscriptionOf(id: string | undefined): Subscription {
    if (id !== undefined && id !== this.#own?.id) throw new TickerplantError('FORBIDDEN', `subscription ${id} is not this connection's`);
    if (this.#own === undefined) {
      this.#own = { id: `s-${this.#plant.subscriptions.size + 1}`, paid: new Map(), live: { sink: this.sink, stopped: new Set() } };
      this.#plant.subscriptions.set(this.#own.id, this.#own);
    }
    return this.#own;
  }

  #items({ table, syms }: SubscribeRequest): readonly QuoteItem[] {
    const tables = this.#plant.tables().filter(({ name }) => table === '*' || name === table);
    if (tables.length === 0) throw new TickerplantError('UNKNOWN_TABLE', `unknown table "${table}"`);
    return tables.map(({ name }) => {
      const known = this.#plant.symbols(name);
      const unknown = syms === '*' ? undefined : syms.find((sym) => !known.includes(sym));
      if (unknown !== undefined) throw new TickerplantError('UNKNOWN_SYMBOL', `unknown symbol "${unknown}" of table ${name}`);
      return { table: name, syms: syms === '*' ? known : syms };
    });
  }
}
