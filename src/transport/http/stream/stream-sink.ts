import { TickerplantError } from '../../../core/tickerplant/errors.ts';
import type { ActiveEvent, BalanceEvent, CreditEvent, GapEvent, QuoteOffer } from '../../../core/tickerplant/messages.ts';
import type { PublishedRows } from '../../../core/tickerplant/published-rows.ts';
import type { SubscriberSink } from '../../../core/tickerplant/service.ts';
import { activeMessage, balanceMessage, creditMessage, quoteMessage } from '../../shared/messages.ts';
import type { Message } from '../messages.ts';
import type { StreamWriter } from './format.ts';
import type { StreamOutbox } from './outbox.ts';

/** What the core tells a buyer, as messages of a stream. */
export class StreamSink implements SubscriberSink {
  readonly #outbox: StreamOutbox;
  readonly #writer: StreamWriter;
  readonly #fail: (error: TickerplantError) => void;

  constructor(outbox: StreamOutbox, writer: StreamWriter, fail: (error: TickerplantError) => void) {
    this.#outbox = outbox;
    this.#writer = writer;
    this.#fail = fail;
  }

  get isFull(): boolean {
    return this.#outbox.isFull;
  }

  active(event: ActiveEvent): void {
    this.#say(activeMessage(event));
  }

  rows(rows: PublishedRows): void {
    if (!this.#outbox.closed) this.#outbox.pushRows(this.#writer.rows(rows));
  }

  snapshot(rows: PublishedRows): void {
    this.#outbox.push(this.#writer.snapshot(rows));
  }

  balance(event: BalanceEvent): void {
    this.#say(balanceMessage(event));
  }

  credit(event: CreditEvent): void {
    this.#say(creditMessage(event));
  }

  gap(event: GapEvent): void {
    this.#outbox.push(this.#writer.gap(event));
  }

  offer(offer: QuoteOffer): void {
    this.#say(quoteMessage(offer, undefined));
  }

  expired({ quote, reason }: { readonly quote: string; readonly reason: 'unpaid' | 'ended' }): void {
    this.#say({ op: 'expired', quote, reason });
  }

  superseded(subscription: string): void {
    this.#say({ op: 'superseded', subscription });
  }

  endOfDay(date: string): void {
    this.#say({ op: 'end', date });
  }

  drained(): Promise<void> {
    return this.#outbox.drained();
  }

  whenLeft(callback: () => void): void {
    this.#outbox.whenLeft(callback);
  }

  endSlow(): void {
    this.#fail(new TickerplantError('SLOW_CONSUMER', 'you read too slowly; come again and go on where you were'));
  }

  /** The one subscription of the stream is not its any more: nothing is left to wait for. */
  refused(error: TickerplantError): void {
    this.#fail(error);
  }

  #say(message: Message): void {
    this.#outbox.push(this.#writer.message(message));
  }
}

/** For connections that nothing is delivered on. */
export const nobody: SubscriberSink = {
  isFull: false,
  active() {},
  rows() {},
  snapshot() {},
  offer() {},
  balance() {},
  credit() {},
  gap() {},
  expired() {},
  superseded() {},
  endOfDay() {},
  drained: () => Promise.resolve(),
  whenLeft() {},
  endSlow() {},
};
