import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { openSimulatedNetwork } from '../../../../src/app/simulated-network.ts';
import { systemRandom } from '../../../../src/app/system.ts';
import type { LightningBackend } from '../../../../src/core/lightning/backend.ts';
import type { Clock } from '../../../../src/core/ports/clock.ts';
import type { Journal } from '../../../../src/core/ports/journal.ts';
import type { Ledger } from '../../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../../src/core/ports/logger.ts';
import type { TickerplantError } from '../../../../src/core/tickerplant/errors.ts';
import type { TickerplantLimits } from '../../../../src/core/tickerplant/limits.ts';
import type { ActiveEvent, QuoteOffer } from '../../../../src/core/tickerplant/messages.ts';
import type { PublishedRows } from '../../../../src/core/tickerplant/published-rows.ts';
import type { BuyerConnection, SubscribeRequest, SubscriberSink } from '../../../../src/core/tickerplant/service.ts';
import { openTickerplant, type Tickerplant } from '../../../../src/core/tickerplant/tickerplant.ts';
import { type EndOfDayTime, MIDNIGHT_UTC, tradingCalendar } from '../../../../src/core/tickerplant/trading-calendar.ts';
import { l402Credentials } from '../../../../src/credentials/l402.ts';
import { openJournal } from '../../../../src/storage/journal/open-journal.ts';
import { TRADE } from '../../../contract/tickerplant-flow/server.ts';
import { directLedger } from '../../storage/support/direct-ledger.ts';

/** Writes down, in order, what a buyer is handed: `AAPL 1`, `end 2026-11-20`. */
export class Outlet {
  readonly log: string[] = [];
  readonly active: ActiveEvent[] = [];
  readonly refused: TickerplantError[] = [];
  /** Set: replays wait for it, and live rows go to the journal. */
  gate: PromiseWithResolvers<void> | undefined;
  readonly sink: SubscriberSink;

  constructor() {
    const outlet = this;
    const known: Partial<SubscriberSink> = {
      get isFull() {
        return outlet.gate !== undefined;
      },
      active: (event) => void this.active.push(event),
      rows: (rows: PublishedRows) => {
        for (let at = 0; at < rows.count; at += 1) this.log.push(`${rows.sym} ${rows.seq + at}`);
      },
      gap: (gap) => void this.log.push(`gap ${gap.sym} ${gap.from}-${gap.to}`),
      superseded: () => void this.log.push('superseded'),
      endOfDay: (date) => void this.log.push(`end ${date}`),
      refused: (error) => void this.refused.push(error),
      drained: async () => await this.gate?.promise,
    };
    // Whatever else a sink may be told is of no matter here.
    this.sink = new Proxy(known, { get: (target, name: keyof SubscriberSink) => target[name] ?? (() => undefined) }) as SubscriberSink;
  }

  openGate(): void {
    this.gate?.resolve();
    this.gate = undefined;
  }
}

/** A connection and what came over it. */
export interface Buyer {
  readonly connection: BuyerConnection;
  readonly outlet: Outlet;
}

/** What differs from the usual. */
export interface SellerOptions {
  readonly clock: Clock;
  readonly limits?: Partial<TickerplantLimits>;
  readonly endOfDay?: EndOfDayTime;
  readonly quoteExpirySeconds?: number;
  readonly backend?: (real: LightningBackend) => LightningBackend;
}

/** A tickerplant on a simulated network, which can die and come back on the same ledger and journal. */
export class Seller implements AsyncDisposable {
  readonly ledger: Ledger = directLedger();
  readonly #options: SellerOptions;
  readonly #dir: string;
  readonly #network: Awaited<ReturnType<typeof openSimulatedNetwork>>;
  journal!: Journal;
  tickerplant!: Tickerplant;
  readonly #backends = new Map<string, Promise<LightningBackend>>();

  private constructor(options: SellerOptions, dir: string, network: Awaited<ReturnType<typeof openSimulatedNetwork>>) {
    this.#options = options;
    this.#dir = dir;
    this.#network = network;
  }

  static async open(options: SellerOptions): Promise<Seller> {
    const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-seller-'));
    const seller = new Seller(options, dir, await openSimulatedNetwork());
    await seller.start();
    return seller;
  }

  async start(): Promise<void> {
    const { clock, backend: wrap = (real) => real, ...rest } = this.#options;
    const day = tradingCalendar(rest.endOfDay ?? MIDNIGHT_UTC).nextEnd(clock.now()).date;
    this.journal = await openJournal({ dir: this.#dir, clock, logger: silentLogger, day });
    this.tickerplant = await openTickerplant({
      ...rest,
      tables: [TRADE],
      backend: wrap(await this.#backend('seller')),
      ledger: this.ledger,
      journal: this.journal,
      credentials: l402Credentials,
      clock,
      random: systemRandom,
      logger: silentLogger,
    });
  }

  async stop(): Promise<void> {
    await this.tickerplant.stop();
    await this.journal[Symbol.asyncDispose]();
  }

  connect(address = '203.0.113.1'): Buyer {
    const outlet = new Outlet();
    return { connection: this.tickerplant.connect({ address, sink: outlet.sink }), outlet };
  }

  async quote({ connection }: Buyer, request: Partial<SubscribeRequest> = {}): Promise<QuoteOffer> {
    const answer = await connection.subscribe({ table: 'trade', syms: ['AAPL'], ...request });
    if (answer.kind !== 'quote') throw new Error('it is paid already');
    return answer.offer;
  }

  async pay(offer: QuoteOffer): Promise<void> {
    const payer = await this.#backend('buyer');
    await payer.payments.pay({ paymentRequest: offer.invoice, maxFeeMsat: 10_000n as never });
    await expect.poll(async () => (await this.ledger.quote(offer.quote))?.state).toBe('settled');
  }

  /** Quotes, pays and is live. */
  async buy(buyer: Buyer, request: Partial<SubscribeRequest> = {}): Promise<QuoteOffer> {
    const offer = await this.quote(buyer, request);
    await this.pay(offer);
    await expect.poll(() => buyer.outlet.active.some(({ quote }) => quote === offer.quote)).toBe(true);
    return offer;
  }

  async resume(offer: QuoteOffer, after = 0, heard?: string, buyer: Buyer = this.connect()): Promise<Buyer> {
    const position = { trade: { epoch: this.journal.epoch, seqs: { AAPL: after } } };
    await buyer.connection.resume(offer.token, position, () => undefined, undefined, heard);
    return buyer;
  }

  /** Publishes so many rows of AAPL. */
  tick(count: number): void {
    const rows = Array.from({ length: count }, () => ['2026-11-20T14:30:00.000Z', 'AAPL', 1, 1]);
    for (const row of rows) this.tickerplant.publish('trade', [row]);
  }

  #backend(name: string): Promise<LightningBackend> {
    const backend = this.#backends.get(name) ?? this.#network.backend(name);
    this.#backends.set(name, backend);
    return backend;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#network[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
