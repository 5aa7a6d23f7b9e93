import type { SubscriberSink } from '../../core/tickerplant/service.ts';
import { activeMessage, balanceMessage, creditMessage, gapMessage, quoteMessage } from '../shared/messages.ts';
import type { DeliveryOrder } from './delivery-order.ts';
import { errorMessage } from './errors.ts';
import { messageFrame, snapshotEncoding, updEncoding } from './frames.ts';
import type { Outbox } from './outbox.ts';

/** What the core tells a buyer, as messages in the connection's outbox. */
export function createSink(outbox: Outbox, order: DeliveryOrder, endSlow: () => void): SubscriberSink {
  return {
    get isFull() {
      return outbox.isFull;
    },
    endSlow,
    active(event) {
      order.active(event, messageFrame(activeMessage(event)));
    },
    rows(rows) {
      if (!outbox.closed) order.rows(rows, rows.encoded(updEncoding));
    },
    snapshot(rows) {
      if (!outbox.closed) order.snapshot(rows, rows.encoded(snapshotEncoding));
    },
    offer(offer) {
      order.quote(offer.quote, messageFrame(quoteMessage(offer, undefined)));
    },
    balance(event) {
      outbox.push(messageFrame(balanceMessage(event)));
    },
    credit(event) {
      outbox.push(messageFrame(creditMessage(event)));
    },
    gap(event) {
      outbox.push(messageFrame(gapMessage(event)));
    },
    expired({ quote, reason }) {
      order.forgetQuote(quote);
      outbox.push(messageFrame({ op: 'expired', quote, reason }));
    },
    refused(error) {
      outbox.push(messageFrame(errorMessage(error, undefined)));
    },
    superseded(subscription) {
      outbox.push(messageFrame({ op: 'superseded', subscription }));
    },
    endOfDay(date) {
      outbox.push(messageFrame({ op: 'end', date }));
    },
    drained: () => outbox.drained(),
    whenLeft: (callback) => outbox.whenLeft(callback),
  };
}
