import type { CallOptions } from '../../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import type { NodeId } from '../../../core/lightning/identifiers.ts';
import type { FollowSettlements, SettlementCursor, SettlementEvent } from '../../../core/lightning/settlement.ts';
import { toSettlement } from '../mapping/invoice.ts';
import { type LndInvoice, lndInvoice } from '../schema/invoice.ts';
import type { LndContext } from './context.ts';
import { settledSince } from './settled-since.ts';
import { fromCursor, type Position, toCursor } from './settlement-cursor.ts';

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;
/** How often the live stream is compared with the list: a lost connection can look alive. */
const RECONCILE_MS = 60_000;
/** The same while nothing has settled ever: `settle_index=0` is no position, so the stream alone would have a gap at its start. */
const RECONCILE_FROM_NOTHING_MS = 1_000;
const START: Position = { settled: 0n, final: 0n };

/** The position of this moment: reads the whole list once. */
export async function settlementsHead(context: LndContext, options: CallOptions): Promise<SettlementCursor> {
  const { nodeId } = await context.identity(options);
  const { position } = await settledSince(context.client, START, options);
  return toCursor(position, nodeId);
}

/** {@link settlementsHead}'s counterpart: everything after a cursor, for ever. */
export async function* followSettlements(
  context: LndContext,
  options: FollowSettlements,
): AsyncGenerator<SettlementEvent, void, undefined> {
  const { signal, onStatus, after } = options;
  const { clock, logger } = context;
  let follower: Follower | undefined;
  let retryInMs = FIRST_RETRY_MS;
  while (!signal?.aborted) {
    try {
      onStatus?.({ state: 'connecting' });
      if (follower === undefined) {
        const { nodeId } = await context.identity(signal === undefined ? {} : { signal });
        follower = new Follower(context, nodeId, after === undefined ? START : fromCursor(after, nodeId), signal);
      }
      for await (const event of follower.follow()) {
        if (event.kind === 'caught-up') {
          retryInMs = FIRST_RETRY_MS;
          onStatus?.({ state: 'live' });
        }
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (isLightningError(error, 'INVALID_ARGUMENT') || isLightningError(error, 'WRONG_NETWORK') || isClosed(error)) throw error;
      const lost = error instanceof Error ? error : new Error(String(error));
      logger.debug({ error: lost.message, retryInMs }, 'lost the settlement stream of lnd');
      onStatus?.({ state: 'lost', error: lost, retryInMs });
    }
    try {
      await clock.sleep(retryInMs, signal);
    } catch {
      return;
    }
    retryInMs = Math.min(retryInMs * 2, LONGEST_RETRY_MS);
  }
}

function isClosed(error: unknown): boolean {
  return isLightningError(error, 'ABORTED');
}

/** One follower's place, kept over reconnects. */
class Follower {
  readonly #context: LndContext;
  readonly #nodeId: NodeId;
  readonly #signal: AbortSignal | undefined;
  #position: Position;

  constructor(context: LndContext, nodeId: NodeId, position: Position, signal: AbortSignal | undefined) {
    this.#context = context;
    this.#nodeId = nodeId;
    this.#position = position;
    this.#signal = signal;
  }

  /** Until the connection is lost: what the list has, then the live stream, compared with the list from time to time. */
  async *follow(): AsyncGenerator<SettlementEvent, void, undefined> {
    yield* this.#reconcile();
    yield { kind: 'caught-up', cursor: this.#cursor() };
    const connection = new AbortController();
    const signal = this.#signal === undefined ? connection.signal : AbortSignal.any([connection.signal, this.#signal]);
    const live = this.#subscribe(signal)[Symbol.asyncIterator]();
    let next = live.next();
    try {
      for (;;) {
        const timer = this.#timer();
        const arrived = await Promise.race([next, timer.elapsed]).finally(() => timer.cancel());
        if (arrived === 'elapsed') {
          yield* this.#reconcile();
          continue;
        }
        if (arrived.done) throw new LightningError('CONNECTION_LOST', 'lnd ended the stream', { operation: 'invoices.settlements' });
        next = live.next();
        if (this.#isNext(arrived.value)) yield this.#settled(arrived.value);
        else if (this.#isAhead(arrived.value)) yield* this.#reconcile();
      }
    } finally {
      next.catch(() => {});
      connection.abort();
    }
  }

  #subscribe(signal: AbortSignal): AsyncIterable<LndInvoice> {
    return this.#context.client.stream(
      {
        operation: 'invoices.settlements',
        service: 'default',
        method: 'subscribeInvoices',
        request: { settle_index: this.#position.settled.toString() },
        schema: lndInvoice,
      },
      { signal },
    );
  }

  async *#reconcile(): AsyncGenerator<SettlementEvent, void, undefined> {
    const { invoices, position } = await this.#list();
    for (const invoice of invoices) yield this.#settled(invoice);
    this.#position = position;
  }

  async #list(): ReturnType<typeof settledSince> {
    try {
      return await settledSince(this.#context.client, this.#position, this.#signal === undefined ? {} : { signal: this.#signal });
    } catch (error) {
      if (isLightningError(error, 'TIMEOUT')) this.#context.client.reconnect();
      throw error;
    }
  }

  #isNext({ state, settle_index }: LndInvoice): boolean {
    return state === 'SETTLED' && settle_index === this.#position.settled + 1n;
  }

  #isAhead({ state, settle_index }: LndInvoice): boolean {
    return state === 'SETTLED' && settle_index > this.#position.settled;
  }

  #settled(invoice: LndInvoice): SettlementEvent {
    this.#position = { ...this.#position, settled: invoice.settle_index };
    return { kind: 'settled', cursor: this.#cursor(), settlement: toSettlement(invoice) };
  }

  #cursor(): SettlementCursor {
    return toCursor(this.#position, this.#nodeId);
  }

  #timer(): { readonly elapsed: Promise<'elapsed'>; readonly cancel: () => void } {
    const delay = this.#position.settled === 0n ? RECONCILE_FROM_NOTHING_MS : RECONCILE_MS;
    let timer: Disposable | undefined;
    const elapsed = new Promise<'elapsed'>((resolve) => {
      timer = this.#context.clock.setTimer(delay, () => resolve('elapsed'));
    });
    return { elapsed, cancel: () => timer?.[Symbol.dispose]() };
  }
}
