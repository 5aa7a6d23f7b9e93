import type { Duplex } from 'node:stream';
import type { RawData } from 'ws';
import type { DeviceService } from '../../core/devices/service.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { BuyerConnection, TickerplantService } from '../../core/tickerplant/service.ts';
import type { Operator } from '../shared/access/operators.ts';
import { publishRows } from '../shared/publish-rows.ts';
import type { Turn } from '../shared/turn.ts';
import { answerResume, answerSub, answerUnsub } from './answers.ts';
import type { BuyerSocket } from './buyer-socket.ts';
import type { WebsocketConfig } from './config.ts';
import { DeliveryOrder } from './delivery-order.ts';
import { DeviceSession } from './device.ts';
import { errorMessage, toTickerplantError, WIRE_ERRORS } from './errors.ts';
import { messageFrame } from './frames.ts';
import { Liveness } from './liveness.ts';
import { Outbox } from './outbox.ts';
import { type ParsedRequest, type PublishRequest, parseRequest, type Request, type RequestId } from './requests.ts';
import { RequestsInFlight } from './requests-in-flight.ts';
import { createSink } from './sink.ts';

/** RFC 6455, 7.4.1 and the IANA registry of close codes. */
const CLOSE = { goingAway: 1001, notJson: 1007, tryAgainLater: 1013 } as const;
/** Messages running that are no JSON, after which the other side is taken for something that does not speak this protocol. */
const STRIKES = 3;

/** What a session needs. */
export interface SessionOptions {
  readonly webSocket: BuyerSocket;
  readonly socket: Duplex;
  /** The buyer's address, for rate limits. */
  readonly address: string;
  /** Who publishes here; undefined: nobody may. */
  readonly publisher: Operator | undefined;
  readonly tickerplant: TickerplantService;
  readonly config: WebsocketConfig;
  readonly turn: Turn;
  /** Undefined where this server has none. */
  readonly devices: DeviceService | undefined;
  readonly logger: Logger;
  /** The connection is gone. */
  readonly onClosed: () => void;
}

/** One buyer's connection: reads requests, answers them, passes on what the core sends. */
export class Session {
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #order: DeliveryOrder;
  readonly #inFlight: RequestsInFlight;
  readonly #liveness: Liveness;
  readonly #device: DeviceSession;
  #buyer: BuyerConnection | undefined;
  #strikes = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { webSocket, socket, turn, config } = options;
    this.#outbox = new Outbox({
      webSocket,
      socket,
      turn,
      maxBufferedBytes: config.maxBufferedBytes,
      onOverflow: () => this.#endSlow(),
      onEnded: () => this.#leave(),
    });
    this.#order = new DeliveryOrder(this.#outbox);
    this.#device = new DeviceSession(options.devices, this.#outbox);
    this.#inFlight = new RequestsInFlight(config.maxRequestsInFlight);
    this.#liveness = new Liveness(webSocket, socket);
    webSocket.onUnreadable = (code) => this.#unreadable(code);
    webSocket.on('message', (data, isBinary) => this.#read(data, isBinary));
    webSocket.on('error', (error) => options.logger.debug({ err: error }, 'connection error'));
    webSocket.on('close', (code) => this.#closed(code));
    this.#connect();
  }

  /** Called at every heartbeat. */
  beat(time: string): void {
    if (!this.#liveness.probe()) return;
    if (!this.#outbox.takeActivity()) {
      this.#outbox.push(messageFrame({ op: 'heartbeat', time }));
      this.#outbox.takeActivity();
    }
  }

  /** Says good-bye: the server is going down. */
  goAway(): void {
    this.#outbox.end(CLOSE.goingAway, 'the server is going down; connect again and resume');
    this.#outbox.flush();
  }

  /** Ends the connection at once. */
  terminate(): void {
    this.#options.webSocket.terminate();
  }

  #endSlow(): void {
    this.#endForError(new TickerplantError('SLOW_CONSUMER', 'you read too slowly; connect again and resume'));
  }

  #connect(): void {
    const { tickerplant, address, logger } = this.#options;
    try {
      this.#buyer = tickerplant.connect({ address, sink: createSink(this.#outbox, this.#order, () => this.#endSlow()) });
    } catch (thrown) {
      const error = toTickerplantError(thrown, logger);
      this.#outbox.end(CLOSE.tryAgainLater, error.code, messageFrame(errorMessage(error, undefined)));
    }
  }

  #read(data: RawData, isBinary: boolean): void {
    this.#liveness.heard();
    if (this.#outbox.closed) return;
    const parsed = isBinary ? BINARY : parseRequest(String(data), this.#options.config);
    this.#strikes = parsed.kind === 'refused' && !parsed.json ? this.#strikes + 1 : 0;
    if (parsed.kind === 'request') this.#take(parsed.request);
    else this.#refuse(parsed.error, parsed.id);
    if (this.#strikes >= STRIKES) this.#outbox.end(CLOSE.notJson, `${STRIKES} messages running were not JSON text`);
  }

  #take(request: Request): void {
    try {
      if (request.op === 'ping') {
        this.#inFlight.checkId(request.id);
        this.#outbox.push(messageFrame({ op: 'pong', id: request.id }));
        return;
      }
      if (request.op === 'publish') {
        this.#publish(request);
        return;
      }
      const answered = this.#inFlight.begin(request.id);
      void this.#answer(request, answered).finally(answered);
    } catch (error) {
      this.#refuse(error, request.id);
    }
  }

  #publish({ id, table, rows }: PublishRequest): void {
    this.#inFlight.checkId(id);
    const count = publishRows(this.#options.tickerplant, this.#options.publisher, table, rows);
    this.#outbox.push(messageFrame({ op: 'published', id, table, rows: count }));
  }

  async #answer(request: Exclude<Request, { op: 'ping' | 'publish' }>, answered: () => void): Promise<void> {
    if (this.#buyer === undefined) return;
    const context = { buyer: this.#buyer, outbox: this.#outbox, order: this.#order };
    if (request.op === 'sub') this.#order.subscribing();
    try {
      if (request.op === 'sub') await answerSub(request, context);
      else if (request.op === 'resume') await answerResume(request, context, answered);
      else if (request.op === 'unsub') await answerUnsub(request, context);
      else await this.#device.answer(request);
    } catch (error) {
      this.#refuse(error, request.id);
    } finally {
      if (request.op === 'sub') this.#order.subscribed();
    }
  }

  #refuse(thrown: unknown, id: RequestId | undefined): void {
    const error = toTickerplantError(thrown, this.#options.logger);
    this.#outbox.push(messageFrame(errorMessage(error, id)));
  }

  #endForError(error: TickerplantError): void {
    this.#options.logger.warn({ code: error.code, waitingBytes: this.#outbox.waitingBytes }, 'ending a connection');
    this.#outbox.end(WIRE_ERRORS[error.code].close ?? CLOSE.tryAgainLater, error.message, messageFrame(errorMessage(error, undefined)));
  }

  /** `ws` is about to close: a word before, which must be written now. */
  #unreadable(code: number): void {
    const { publisher, config } = this.#options;
    const maxMessageBytes = publisher === undefined ? config.maxMessageBytes : Math.max(config.maxMessageBytes, config.maxPublishBytes);
    const error =
      code === WIRE_ERRORS.TOO_LARGE.close
        ? new TickerplantError('TOO_LARGE', `a message has at most ${maxMessageBytes} bytes`)
        : new TickerplantError('BAD_REQUEST', code === CLOSE.notJson ? 'text must be UTF-8' : 'not a WebSocket frame that can be read');
    this.#outbox.push(messageFrame(errorMessage(error, undefined)));
    this.#outbox.flush();
  }

  #closed(code: number): void {
    this.#options.logger.debug({ code }, 'connection closed');
    this.#outbox.gone();
    this.#leave();
    this.#options.onClosed();
  }

  #leave(): void {
    this.#buyer?.close();
    this.#buyer = undefined;
    this.#device.close();
  }
}

const BINARY: ParsedRequest = {
  kind: 'refused',
  id: undefined,
  json: false,
  error: new TickerplantError('BAD_REQUEST', 'a binary frame: messages are text frames with JSON'),
};
