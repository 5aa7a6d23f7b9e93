import type { Socket } from 'node:net';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { Encoding } from '../../core/tickerplant/published-rows.ts';
import type { TickerplantService } from '../../core/tickerplant/service.ts';
import type { DecodeLimits } from '../../kdb/decode.ts';
import { Framing } from '../../kdb/framing.ts';
import { encodeMessage, type Message, readHeader, readMessage } from '../../kdb/message.ts';
import type { Operator, Operators } from '../shared/access/operators.ts';
import { originOf } from '../shared/access/origin.ts';
import type { Turn } from '../shared/turn.ts';
import { answerCall, errorAnswer } from './answers.ts';
import { KdbBuyer } from './buyer.ts';
import { readCall } from './calls/read-call.ts';
import type { KdbConfig } from './config.ts';
import { errorText } from './errors.ts';
import type { InvoiceBook } from './invoices.ts';
import { type Access, accessOf, type Handshake, LONGEST_LOGIN, parseHandshake } from './login.ts';
import { Outbox } from './outbox.ts';
import type { RememberedPositions } from './positions.ts';
import type { Ending } from './symbol-position.ts';

/** Messages of one connection that wait to be answered; then it is not read on until there are fewer. */
const MAX_WAITING = 32;
/** How long a wrong password is thought about, so that trying many takes long. */
const REFUSAL_DELAY_MS = 500;
const BUYER_LIMITS: DecodeLimits = { depth: 8, values: 100_000 };
const PUBLISHER_LIMITS: DecodeLimits = { depth: 8, values: 20_000_000 };

/** What a session needs. */
export interface SessionOptions {
  readonly socket: Socket;
  readonly handle: number;
  readonly tickerplant: TickerplantService;
  readonly config: KdbConfig;
  readonly operators: Operators;
  readonly encoding: Encoding;
  readonly invoices: InvoiceBook;
  readonly remembered: RememberedPositions;
  readonly turn: Turn;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The connection is gone. */
  readonly onClosed: () => void;
}

/** One client's connection: logs it in, reads its calls, answers them one after the other, as kdb+ does. */
export class Session {
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  #greeting: Uint8Array[] | undefined = [];
  #greetingBytes = 0;
  #framing: Framing | undefined;
  #buyer: KdbBuyer | undefined;
  #publisher: Operator | undefined;
  readonly #waiting: Uint8Array[] = [];
  #answering = false;
  #loginTimer: Disposable | undefined;
  #ending: Ending = 'broken';

  constructor(options: SessionOptions) {
    const { socket, turn, config, clock, logger } = options;
    this.#options = options;
    this.#outbox = new Outbox({
      socket,
      turn,
      clock,
      maxBufferedBytes: config.maxBufferedBytes,
      onOverflow: () => this.#end('the client reads too slowly'),
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
    socket.on('error', (error) => logger.debug({ err: error }, 'connection error'));
    socket.on('end', () => {
      this.#ending = 'closed';
    });
    socket.on('close', (hadError) => this.#closed(hadError));
    this.#loginTimer = clock.setTimer(config.loginTimeoutSeconds * 1000, () => this.#end('nobody logged in'));
  }

  /** Says good-bye, as far as kdb+ can: writes what there is and ends the connection. */
  goAway(): void {
    this.#outbox.end();
  }

  /** Ends the connection at once. */
  terminate(): void {
    this.#options.socket.destroy();
  }

  #read(chunk: Uint8Array): void {
    if (this.#greeting !== undefined) this.#greet(chunk);
    else if (this.#framing !== undefined && !this.#outbox.closed) {
      this.#framing.push(chunk);
      this.#takeMessages(this.#framing);
    }
  }

  #greet(chunk: Uint8Array): void {
    const { socket } = this.#options;
    const greeting = this.#greeting as Uint8Array[];
    const end = chunk.indexOf(0);
    this.#greetingBytes += end === -1 ? chunk.length : end;
    if (this.#greetingBytes > LONGEST_LOGIN) {
      this.#end('a login that is too long');
      return;
    }
    greeting.push(end === -1 ? chunk : chunk.subarray(0, end));
    if (end === -1) return;
    this.#greeting = undefined;
    // What comes after the login is read once the login is known to be good.
    socket.pause();
    const handshake = parseHandshake(Buffer.concat(greeting));
    // A capability of 0 looks like the end, and the end comes after it.
    const hasZero = handshake.capability === 0 && chunk[end + 1] === 0;
    void this.#login(handshake, chunk.subarray(end + (hasZero ? 2 : 1)));
  }

  async #login(handshake: Handshake, rest: Uint8Array): Promise<void> {
    const { config, socket, logger, clock } = this.#options;
    const access = accessOf(handshake, config);
    const refuse = (why: string) => {
      logger.info({ user: handshake.user.slice(0, 64) }, `login refused: ${why}`);
      this.#loginTimer?.[Symbol.dispose]();
      this.#loginTimer = clock.setTimer(REFUSAL_DELAY_MS, () => this.#end('refused'));
    };
    if (access.kind === 'refused') {
      refuse('user and password do not fit');
      return;
    }
    try {
      this.#publisher = this.#publisherOf(access);
      this.#buyer = this.#connect();
      if (access.kind === 'token') await this.#buyer.login(access.token);
    } catch (error) {
      const code = error instanceof TickerplantError ? error.code : undefined;
      const isToken = access.kind === 'token' && !access.required && (code === 'BAD_TOKEN' || code === 'TOKEN_EXPIRED');
      // Where anybody may log in, a long password that is no token of ours is just a password.
      if (!isToken || code === 'TOKEN_EXPIRED') {
        refuse(errorText(error, logger));
        return;
      }
    }
    if (socket.destroyed) return;
    this.#loginTimer?.[Symbol.dispose]();
    this.#framing = new Framing(this.#publisher !== undefined ? config.maxPublishBytes : config.maxMessageBytes);
    socket.write(Uint8Array.of(handshake.capability));
    logger.debug({ as: access.kind, capability: handshake.capability }, 'logged in');
    socket.resume();
    if (rest.length > 0) this.#read(rest);
  }

  /** @throws TickerplantError where a publisher may not come in from there, or the token is not a publisher's. */
  #publisherOf(access: Access): Operator | undefined {
    const { socket, operators } = this.#options;
    if (access.kind === 'operator') return operators.identify(access.token, 'publisher', originOf(socket));
    if (access.kind !== 'publisher') return undefined;
    const { user, tables } = access.login;
    operators.assertOrigin('publisher', originOf(socket));
    return {
      name: user,
      role: 'publisher',
      assertMayPublish(table) {
        if (tables?.includes(table) === false)
          throw new TickerplantError('FORBIDDEN', `this login is not for the table ${table.slice(0, 64)}`);
      },
    };
  }

  #connect(): KdbBuyer {
    const { socket, handle, tickerplant, encoding, invoices, remembered, clock, logger } = this.#options;
    return new KdbBuyer({
      tickerplant,
      address: originOf(socket).address,
      handle,
      outbox: this.#outbox,
      encoding,
      invoices,
      remembered,
      clock,
      logger,
      end: (why) => this.#end(why),
    });
  }

  #takeMessages(framing: Framing): void {
    try {
      for (let message = framing.next(); message !== undefined; message = framing.next()) this.#waiting.push(message);
    } catch (error) {
      // Where the next message begins can't be known any more.
      this.#outbox.push(encodeMessage('response', errorAnswer(errorText(error, this.#options.logger))));
      this.#outbox.end();
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) this.#options.socket.pause();
    if (!this.#answering) void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    this.#answering = true;
    for (let bytes = this.#waiting.shift(); bytes !== undefined; bytes = this.#waiting.shift()) {
      await this.#answerOne(bytes);
      // One who reads no answers is asked to wait with further questions.
      await this.#outbox.drained();
      if (this.#waiting.length < MAX_WAITING) this.#options.socket.resume();
    }
    this.#answering = false;
  }

  async #answerOne(bytes: Uint8Array): Promise<void> {
    const buyer = this.#buyer;
    if (buyer === undefined || this.#outbox.closed) return;
    const { kind } = readHeader(bytes);
    if (kind === 'response') return;
    buyer.answer();
    let response: Uint8Array;
    try {
      const { value } = this.#message(bytes);
      const answer = await answerCall(readCall(value), { ...this.#options, buyer, publisher: this.#publisher });
      response = encodeMessage('response', answer);
    } catch (error) {
      const text = errorText(error, this.#options.logger);
      if (kind === 'async') this.#reportUnanswered(text);
      response = encodeMessage('response', errorAnswer(text));
    }
    if (kind === 'sync') this.#outbox.push(response);
    buyer.answered();
  }

  /** Nobody else says it: an asynchronous call has no answer. A feed that can't publish is the seller's business. */
  #reportUnanswered(text: string): void {
    const { logger } = this.#options;
    const fields = { error: text.slice(0, 256) };
    if (this.#publisher !== undefined) logger.warn(fields, 'what a publisher sent was not published');
    else logger.debug(fields, 'an asynchronous call failed');
  }

  #message(bytes: Uint8Array): Message {
    const { maxInflatedBytes, maxPublishBytes } = this.#options.config;
    const mayPublish = this.#publisher !== undefined;
    const inflatedBytes = mayPublish ? Math.max(maxInflatedBytes, maxPublishBytes) : maxInflatedBytes;
    return readMessage(bytes, { inflatedBytes, decode: mayPublish ? PUBLISHER_LIMITS : BUYER_LIMITS });
  }

  #end(why: string): void {
    const { socket, logger } = this.#options;
    if (socket.destroyed) return;
    logger.info({ waitingBytes: this.#outbox.waitingBytes }, `ending a connection: ${why}`);
    socket.destroy();
  }

  #closed(hadError: boolean): void {
    this.#loginTimer?.[Symbol.dispose]();
    this.#outbox.gone();
    this.#buyer?.close(hadError ? 'broken' : this.#ending);
    this.#buyer = undefined;
    this.#waiting.length = 0;
    this.#options.onClosed();
  }
}
