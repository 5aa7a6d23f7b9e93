import type { z } from 'zod';
import type { CallOptions } from '../../core/lightning/common.ts';
import type { FollowSettlements, SettlementCursor, SettlementEvent } from '../../core/lightning/settlement.ts';
import type { Random } from '../../core/ports/random.ts';
import { anySignal } from '../shared/abort.ts';
import { followThroughOutages } from '../shared/follow.ts';
import type { ClnCall, ClnClient } from './client.ts';
import type { ClnConnection } from './connection.ts';
import { fromCursor, toCursor, toSettlement } from './mapping-invoices.ts';
import { isRefusal, RPC, refusal } from './rpc-error.ts';
import { listInvoicesSchema, paidInvoiceSchema, waitUpdatedSchema } from './schema-invoices.ts';

const WAIT_SECONDS = 60;
const WAIT_MARGIN_MS = 30_000;
const HEAD_PAGE = 200;

/** How one call is made: on the shared connection or on the stream's own. */
type Caller = <Schema extends z.ZodType>(
  method: string,
  params: Readonly<Record<string, unknown>>,
  call: ClnCall<Schema>,
) => Promise<z.output<Schema>>;

/**
 * Settlements in lightningd's own order, its pay index. `waitanyinvoice` reads its database from the index it is given
 * and then waits, so going on from the last index misses nothing; but the waiting part ignores the index, and one that
 * is too high loses silently. So each connection first compares with the list.
 */
export class ClnSettlements {
  readonly #client: ClnClient;
  readonly #random: Random;

  constructor(client: ClnClient, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  async head(options: CallOptions): Promise<SettlementCursor> {
    const call: Caller = (method, params, given) => this.#client.call(method, params, given);
    return toCursor(await highestPayIndex(call, 'invoices.settlementsHead', options.signal));
  }

  follow(options: FollowSettlements): AsyncIterable<SettlementEvent> {
    let payIndex = 0;
    let begun = false;
    const client = this.#client;
    return followThroughOutages<SettlementEvent>({
      clock: client.clock,
      random: this.#random,
      signal: anySignal(options.signal, client.disposed),
      onStatus: options.onStatus,
      session: async function* session(signal, live): AsyncGenerator<SettlementEvent> {
        if (!begun) payIndex = fromCursor(options.after);
        begun = true;
        const connection = await client.dedicated(OPERATION, signal);
        try {
          const call: Caller = (method, params, given) => client.callOn(connection, method, params, given);
          const head = await highestPayIndex(call, OPERATION, signal);
          if (payIndex > head) {
            client.logger.warn(
              { cursor: payIndex, head },
              'the settlement cursor is ahead of the node: it was restored, or paid invoices were deleted',
            );
            payIndex = head;
          }
          let caughtUp = false;
          for (;;) {
            if (!caughtUp && payIndex >= head) {
              caughtUp = true;
              live();
              yield { kind: 'caught-up', cursor: toCursor(payIndex) };
            }
            const paid = await nextPaid(client, connection, payIndex, caughtUp ? WAIT_SECONDS : 1, signal);
            if (paid === undefined) {
              // What the list had shown was deleted meanwhile: nothing more to catch up with.
              if (!caughtUp) payIndex = head;
              continue;
            }
            payIndex = paid.pay_index;
            yield { kind: 'settled', cursor: toCursor(payIndex), settlement: toSettlement(paid) };
          }
        } finally {
          client.release(connection);
        }
      },
    });
  }
}

const OPERATION = 'invoices.settlements';

/** The next paid invoice after an index, or undefined when none came in time. */
async function nextPaid(client: ClnClient, connection: ClnConnection, after: number, timeoutSeconds: number, signal: AbortSignal) {
  try {
    return await client.callOn(
      connection,
      'waitanyinvoice',
      { lastpay_index: after, timeout: timeoutSeconds },
      {
        operation: OPERATION,
        schema: paidInvoiceSchema,
        signal,
        timeoutMs: timeoutSeconds * 1000 + WAIT_MARGIN_MS,
        readOnly: true,
        rawRefusal: true,
      },
    );
  } catch (error) {
    if (isRefusal(error, RPC.waitTimedOut)) return undefined;
    throw isRefusal(error) ? refusal(error, OPERATION) : error;
  }
}

/**
 * The highest pay index that the node's list knows, 0 for none. Paying gives an invoice the next pay index and the next
 * `updated` index at once, so the last paid one is found from the end of the latter.
 */
async function highestPayIndex(call: Caller, operation: string, signal: AbortSignal | undefined): Promise<number> {
  const common = { operation, signal, readOnly: true } as const;
  const { updated } = await call(
    'wait',
    { subsystem: 'invoices', indexname: 'updated', nextvalue: 0 },
    { ...common, schema: waitUpdatedSchema },
  );
  for (let end = updated ?? 0; end > 0; end -= HEAD_PAGE) {
    const start = Math.max(1, end - HEAD_PAGE + 1);
    const params = { index: 'updated', start, limit: HEAD_PAGE };
    const { invoices } = await call('listinvoices', params, { ...common, schema: listInvoicesSchema });
    const highest = Math.max(0, ...invoices.map((invoice) => invoice.pay_index ?? 0));
    if (highest > 0) return highest;
  }
  return 0;
}
