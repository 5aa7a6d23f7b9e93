import type { ServerResponse } from 'node:http';
import type { Logger } from '../../../core/ports/logger.ts';
import { TickerplantError } from '../../../core/tickerplant/errors.ts';
import type { BuyerConnection, SlowConsumerPolicy, SubscriberSink } from '../../../core/tickerplant/service.ts';
import type { Holder } from '../../../core/tickerplant/token-access.ts';
import { isoTime, resumedMessage } from '../../shared/messages.ts';
import type { Turn } from '../../shared/turn.ts';
import { refusalOf } from '../errors.ts';
import type { Message } from '../messages.ts';
import type { Positions } from './event-id.ts';
import type { StreamWriter } from './format.ts';
import { StreamOutbox } from './outbox.ts';
import { StreamSink } from './stream-sink.ts';

/** Heartbeats without anything taken, after which nobody is taken to be there. */
const STALLED_BEATS = 4;

/** What a stream needs. */
export interface StreamOptions {
  readonly response: ServerResponse;
  /** Headers that were gathered for it: of CORS, and the like. */
  readonly headers: Readonly<Record<string, number | string | string[] | undefined>>;
  readonly writer: StreamWriter;
  readonly connect: (sink: SubscriberSink) => BuyerConnection;
  readonly logger: Logger;
  readonly turn: Turn;
  readonly maxBufferedBytes: number;
  /** The stream is over. */
  readonly onClosed: () => void;
}

/** One buyer's live stream: a subscription that is resumed, until either side ends it. */
export class Stream {
  readonly #options: StreamOptions;
  readonly #outbox: StreamOutbox;
  readonly #buyer: BuyerConnection;
  #taken = 0;
  #idleBeats = 0;
  #isClosed = false;

  /** @throws TickerplantError where the core takes no connection. */
  constructor(options: StreamOptions) {
    this.#options = options;
    const { response, turn, maxBufferedBytes, writer } = options;
    this.#outbox = new StreamOutbox({ response, turn, maxBufferedBytes, onOverflow: () => sink.endSlow() });
    const sink = new StreamSink(this.#outbox, writer, (error) => this.#fail(error));
    this.#buyer = options.connect(sink);
    response.on('close', () => this.#closed());
    response.on('error', (error) => options.logger.debug({ err: error }, 'stream error'));
  }

  /** Begins with the head and `resumed`; then rows. @throws TickerplantError as `BuyerConnection.resume`, before anything was written. */
  async begin(holder: Holder, after: Positions, slow: SlowConsumerPolicy | undefined): Promise<void> {
    const { response, headers, writer } = this.#options;
    try {
      await this.#buyer.resume(
        holder.token,
        after,
        (resumed) => {
          for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
          // Proxies of nginx's kind would gather it.
          response.setHeader('X-Accel-Buffering', 'no');
          response.writeHead(200, { 'Content-Type': writer.contentType, 'Cache-Control': 'no-store' });
          response.flushHeaders();
          this.#outbox.push(writer.message(resumedMessage(resumed, undefined)));
        },
        slow,
      );
    } catch (error) {
      this.#buyer.close();
      throw error;
    }
    if (this.#isClosed) this.#buyer.close();
  }

  /** Called at every heartbeat. */
  beat(time: number): void {
    const { response, writer, logger } = this.#options;
    const taken = (response.socket?.bytesWritten ?? 0) - response.writableLength;
    this.#idleBeats = taken === this.#taken && this.#outbox.waitingBytes > 0 ? this.#idleBeats + 1 : 0;
    this.#taken = taken;
    if (this.#idleBeats >= STALLED_BEATS) {
      logger.debug({ waitingBytes: this.#outbox.waitingBytes }, 'a stream that takes nothing is ended');
      response.destroy();
    } else if (!this.#outbox.takeActivity()) {
      this.#outbox.push(writer.message({ op: 'heartbeat', time: isoTime(time) }));
      this.#outbox.takeActivity();
    }
  }

  /** Says good-bye: the server is going down. */
  goAway(): void {
    this.#fail(new TickerplantError('STOPPING', 'the server is going down; come again and go on where you were'));
    this.#outbox.flush();
  }

  /** Ends it at once. */
  terminate(): void {
    this.#options.response.destroy();
  }

  #fail(error: TickerplantError): void {
    const { logger, writer } = this.#options;
    if (this.#outbox.closed) return;
    logger.debug({ code: error.code, waitingBytes: this.#outbox.waitingBytes }, 'ending a stream');
    this.#outbox.end(writer.message(errorMessage(error, logger)));
    this.#buyer.close();
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outbox.gone();
    this.#buyer.close();
    this.#options.writer.close();
    this.#options.onClosed();
  }
}

/** An error within a stream: the head is out, so it can't be a status any more. */
export function errorMessage(error: unknown, logger: Logger): Message {
  const { code, message, retry } = refusalOf(error, logger).body;
  return { op: 'error', code, message, retry };
}
