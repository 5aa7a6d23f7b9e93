import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { msat } from '../../../../src/core/lightning/amount.ts';
import type { PaymentHash } from '../../../../src/core/lightning/identifiers.ts';
import type { TestPayer } from './payer.ts';

interface Quote {
  readonly reason?: string;
  readonly id: string;
  readonly key: string | undefined;
  readonly subscription: string;
  readonly token: string;
  readonly syms: readonly string[];
  readonly invoice: string;
  readonly hash: PaymentHash;
  readonly expiresAt: number;
  settled: boolean;
  /** Numbers of the first rows granted; epoch it was granted in. */
  next: Record<string, number>;
  epoch: number;
  ended: boolean;
}

/** An offer that nobody asked for, and what is odd about it. */
export interface TestOffer {
  readonly reason: 'renewal' | 'top-up';
  readonly syms?: readonly string[];
  readonly amountMsat: bigint;
  readonly expiryMs?: number;
  readonly change?: Message;
}

type Message = Record<string, unknown>;

export const SCHEMA: readonly { readonly name: string; readonly type: string }[] = [
  { name: 'time', type: 'timestamp' },
  { name: 'sym', type: 'symbol' },
  { name: 'price', type: 'float' },
  { name: 'size', type: 'long' },
];

/** A small tickerplant that speaks the WebSocket protocol over a real socket and can be made to misbehave. */
export class TestTickerplant {
  readonly payer: TestPayer;
  readonly quotes: Quote[] = [];
  readonly requests: Message[] = [];
  /** Symbol → rows of the present epoch, number 1 first. */
  rows: Map<string, unknown[][]> = new Map();
  epoch = 1;
  priceMsat = 100_000n;
  expiryMs = 60_000;
  /** The terms that quotes state; none: as the protocol's first version. */
  terms: Message | undefined;
  symbols: string[] = ['AAPL', 'GOOG', 'MSFT'];
  /** Answers requests in the server's place where it returns true. */
  intercept: (message: Message, socket: WebSocket) => boolean = () => false;
  /** Changes a quote before it is sent. */
  tamper: (quote: Message) => Message = (quote) => quote;
  /** Rows that are "lost" on their way: asked for each message. */
  lose: (sym: string, seq: number) => boolean = () => false;
  #server: WebSocketServer | undefined;
  #port = 0;
  readonly #sockets = new Set<WebSocket>();
  /** Subscription → where it is live. */
  readonly #live = new Map<string, WebSocket>();

  constructor(payer: TestPayer) {
    this.payer = payer;
    payer.onSettled = (hash) => this.#settled(hash);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: this.#port });
    await new Promise((resolve) => server.once('listening', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('message', (data) => this.#receive(JSON.parse(String(data)) as Message, socket));
    });
  }

  async stop(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
  }

  /** Cuts every connection. */
  drop(): void {
    for (const socket of this.#sockets) socket.terminate();
    this.#live.clear();
  }

  /** A restart that could not go on with its numbers. */
  raiseEpoch(): void {
    this.drop();
    this.epoch += 1;
    this.rows = new Map();
  }

  publish(sym: string, count = 1): void {
    const rows = this.rows.get(sym) ?? [];
    this.rows.set(sym, rows);
    for (let index = 0; index < count; index += 1) {
      rows.push(['2026-11-20T14:30:00.123Z', sym, 39.81, rows.length + 1]);
      for (const [subscription, socket] of this.#live) {
        const quote = this.quotes.find((each) => each.subscription === subscription && each.settled && !each.ended);
        if (quote?.syms.includes(sym) === true) this.#sendRows(socket, sym, rows.length);
      }
    }
  }

  /** What was bought is over. */
  end(quote: Quote): void {
    quote.ended = true;
    const socket = this.#live.get(quote.subscription);
    if (socket !== undefined) this.#send(socket, { op: 'expired', quote: quote.id, reason: 'ended' });
  }

  /** Sends to every connection. */
  broadcast(message: Message): void {
    for (const socket of this.#sockets) this.#send(socket, message);
  }

  #receive(message: Message, socket: WebSocket): void {
    this.requests.push(message);
    if (this.intercept(message, socket)) return;
    if (message['op'] === 'sub') this.#sub(message, socket);
    if (message['op'] === 'resume') this.#resume(message, socket);
    if (message['op'] === 'ping') this.#send(socket, { op: 'pong', id: message['id'] });
  }

  #sub(message: Message, socket: WebSocket): void {
    const syms = message['syms'] === '*' ? this.symbols : (message['syms'] as string[]);
    const unknown = syms.find((sym) => !this.symbols.includes(sym));
    if (unknown !== undefined) {
      this.#send(socket, { op: 'error', id: message['id'], code: 'UNKNOWN_SYMBOL', message: `no symbol ${unknown}`, retry: 'never' });
      return;
    }
    const key = message['key'] as string | undefined;
    let quote = this.quotes.find((each) => each.key === key && (each.settled || each.expiresAt > Date.now()));
    if (quote === undefined) {
      const expiresAt = Date.now() + this.expiryMs;
      const invoice = this.payer.invoice(msat(this.priceMsat * BigInt(syms.length)), expiresAt);
      const id = randomBytes(8).toString('hex');
      quote = {
        id,
        key,
        subscription: `s-${id}`,
        token: `token-${id}`,
        syms,
        invoice: invoice.text,
        hash: invoice.paymentHash,
        expiresAt,
        settled: false,
        next: {},
        epoch: 0,
        ended: false,
      };
      this.quotes.push(quote);
    }
    this.#live.set(quote.subscription, socket);
    const answer = {
      op: 'quote',
      id: message['id'],
      quote: quote.id,
      subscription: quote.subscription,
      token: quote.token,
      table: message['table'],
      schema: SCHEMA,
      syms: quote.syms,
      amountMsat: String(this.priceMsat * BigInt(quote.syms.length)),
      invoice: quote.invoice,
      paymentHash: quote.hash,
      expiresAt: new Date(quote.expiresAt).toISOString(),
      until: new Date(Date.now() + 86_400_000).toISOString(),
      node: { id: `03${'22'.repeat(32)}`, uris: [] },
      ...(this.terms === undefined ? {} : { pricing: this.terms }),
    };
    this.#send(socket, this.tamper(answer));
    if (quote.settled) this.#activate(quote);
  }

  /** Offers the first quote's subscription more of the same, on the connection where it is live. */
  offer({ reason, syms, amountMsat, expiryMs = 60_000, change = {} }: TestOffer): Quote {
    const [first] = this.quotes;
    if (first === undefined) throw new Error('nothing was quoted yet');
    const expiresAt = Date.now() + expiryMs;
    const invoice = this.payer.invoice(msat(amountMsat), expiresAt);
    const id = randomBytes(8).toString('hex');
    const quote: Quote = {
      ...first,
      reason,
      id,
      key: undefined,
      invoice: invoice.text,
      hash: invoice.paymentHash,
      expiresAt,
      settled: false,
      ended: false,
    };
    this.quotes.push(quote);
    this.offerAgain(quote, { syms: syms ?? first.syms, amountMsat: String(amountMsat), ...change });
    return quote;
  }

  /** Sends an offer that is open once more. */
  offerAgain(quote: Quote, change: Message = {}): void {
    this.tell(quote.subscription, {
      op: 'quote',
      reason: quote.reason,
      quote: quote.id,
      subscription: quote.subscription,
      token: quote.token,
      table: 'trade',
      schema: SCHEMA,
      syms: quote.syms,
      amountMsat: String(this.payer.invoices.get(quote.invoice)?.amountMsat),
      pricing: this.terms,
      invoice: quote.invoice,
      paymentHash: quote.hash,
      expiresAt: new Date(quote.expiresAt).toISOString(),
      until: new Date(Date.now() + 2 * 86_400_000).toISOString(),
      node: { id: `03${'22'.repeat(32)}`, uris: [] },
      ...change,
    });
  }

  /** Sends to where a subscription is live. */
  tell(subscription: string, message: Message): void {
    const socket = this.#live.get(subscription);
    if (socket !== undefined) this.#send(socket, message);
  }

  #settled(hash: PaymentHash): void {
    const quote = this.quotes.find((each) => each.hash === hash);
    if (quote === undefined || quote.settled) return;
    quote.settled = true;
    quote.epoch = this.epoch;
    quote.next = Object.fromEntries(quote.syms.map((sym) => [sym, (this.rows.get(sym)?.length ?? 0) + 1]));
    this.#activate(quote);
  }

  #activate(quote: Quote): void {
    const socket = this.#live.get(quote.subscription);
    if (socket === undefined) return;
    this.#send(socket, {
      op: 'active',
      subscription: quote.subscription,
      quote: quote.id,
      table: 'trade',
      syms: quote.syms,
      until: new Date(Date.now() + 86_400_000).toISOString(),
      epoch: quote.epoch,
      next: quote.next,
    });
    for (const sym of quote.syms) this.#replay(quote, socket, sym, 0);
  }

  #resume(message: Message, socket: WebSocket): void {
    const quote = this.quotes.find((each) => each.token === message['token']);
    const refuse = (code: string, retry: string): void =>
      this.#send(socket, { op: 'error', id: message['id'], code, message: code.toLowerCase(), retry });
    if (quote === undefined) return refuse('BAD_TOKEN', 'never');
    if (!quote.settled) return refuse('NOT_SETTLED', 'later');
    if (this.quotes.every((each) => each.subscription !== quote.subscription || each.ended || !each.settled))
      return refuse('TOKEN_EXPIRED', 'never');
    const older = this.#live.get(quote.subscription);
    this.#live.set(quote.subscription, socket);
    if (older !== undefined && older !== socket) this.#send(older, { op: 'superseded', subscription: quote.subscription });
    const tables = [{ table: 'trade', syms: quote.syms, until: new Date(Date.now() + 86_400_000).toISOString(), epoch: this.epoch }];
    this.#send(socket, { op: 'resumed', id: message['id'], subscription: quote.subscription, tables });
    const after = (message['after'] as Record<string, { epoch: number; seqs: Record<string, number> }>)['trade'];
    for (const sym of quote.syms) {
      const had = after?.seqs[sym];
      if (after !== undefined && had !== undefined && after.epoch !== this.epoch) {
        this.#send(socket, { op: 'gap', table: 'trade', sym, epoch: after.epoch, from: had + 1, reason: 'epoch' });
      }
      this.#replay(quote, socket, sym, after?.epoch === this.epoch ? (had ?? 0) : 0);
    }
  }

  #replay(quote: Quote, socket: WebSocket, sym: string, after: number): void {
    const from = quote.epoch === this.epoch ? (quote.next[sym] ?? 1) : 1;
    const count = this.rows.get(sym)?.length ?? 0;
    for (let seq = Math.max(after + 1, from); seq <= count; seq += 1) this.#sendRows(socket, sym, seq);
  }

  #sendRows(socket: WebSocket, sym: string, seq: number): void {
    if (this.lose(sym, seq)) return;
    this.#send(socket, { op: 'upd', table: 'trade', sym, epoch: this.epoch, seq, rows: [this.rows.get(sym)?.[seq - 1]] });
  }

  #send(socket: WebSocket, message: Message): void {
    socket.send(JSON.stringify(message));
  }
}
