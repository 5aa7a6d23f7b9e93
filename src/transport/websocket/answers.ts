import type { BuyerConnection, Resumed } from '../../core/tickerplant/service.ts';
import { activeMessage, quoteMessage, resumedMessage } from '../shared/messages.ts';
import type { DeliveryOrder } from './delivery-order.ts';
import { messageFrame } from './frames.ts';
import type { Outbox } from './outbox.ts';
import type { ResumeRequest, SubRequest, UnsubRequest } from './requests.ts';

/** What answering a request needs. */
export interface AnswerContext {
  readonly buyer: BuyerConnection;
  readonly outbox: Outbox;
  readonly order: DeliveryOrder;
}

/** Answers `sub`: with a `quote`, or with an `active` for each grant where nothing is left to pay. @throws TickerplantError as `BuyerConnection.subscribe`. */
export async function answerSub(request: SubRequest, { buyer, order }: AnswerContext): Promise<void> {
  const { table, syms, subscription, key, slow, pricing, snapshot } = request;
  const result = await buyer.subscribe({
    table,
    syms,
    ...(subscription !== undefined && { subscription }),
    ...(key !== undefined && { key }),
    ...(slow !== undefined && { slow }),
    ...(pricing !== undefined && { pricing }),
    ...(snapshot !== undefined && { snapshot }),
  });
  if (result.kind === 'quote') {
    order.quote(result.offer.quote, messageFrame(quoteMessage(result.offer, request.id)));
    return;
  }
  if (result.active.length === 0) throw new Error('a subscribe was granted without saying what');
  for (const event of result.active) order.granted(event, messageFrame(activeMessage(event, request.id)));
}

/**
 * Answers `resume` with `resumed`, which stands before all rows; `answered` is called then, while the rows may take long.
 * @throws TickerplantError as `BuyerConnection.resume`.
 */
export async function answerResume(request: ResumeRequest, { buyer, outbox, order }: AnswerContext, answered: () => void): Promise<void> {
  const onResumed = (resumed: Resumed) => {
    outbox.push(messageFrame(resumedMessage(resumed, request.id)));
    for (const { table, syms } of resumed.tables) order.announce(table, syms);
    answered();
  };
  await buyer.resume(request.token, request.after, onResumed, request.slow, request.ended);
}

/** Answers `unsub` with `unsubscribed` and the symbols that were stopped. @throws TickerplantError as `BuyerConnection.unsubscribe`. */
export async function answerUnsub(request: UnsubRequest, { buyer, outbox, order }: AnswerContext): Promise<void> {
  const { subscription, table, syms } = request;
  const stopped = await buyer.unsubscribe({ subscription, table, syms });
  order.forget(table, stopped);
  outbox.push(messageFrame({ op: 'unsubscribed', id: request.id, subscription, table, syms: stopped }));
}
