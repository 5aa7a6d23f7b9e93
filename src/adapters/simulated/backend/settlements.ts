import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import type { FollowSettlements, SettlementEvent, StreamStatus } from '../../../core/lightning/settlement.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { Logger } from '../../../core/ports/logger.ts';
import type { NodeStreams, NumberedSettlement, SimulatedNode } from '../gateway/calls.ts';
import { EventQueue } from '../gateway/event-queue.ts';
import { fromCursor, toCursor } from './cursor.ts';

/** What following settlements needs. */
export interface SettlementFollower {
  readonly node: SimulatedNode;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends every stream when the backend is disposed of. */
  readonly closed: AbortSignal;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
/** A live event may be lost without a trace: so often the stream is compared with the node's own record. */
const RECONCILE_MS = 2_000;
const BATCH = 1_000;

type StreamEvent = NodeStreams['settlements']['event'];

/**
 * Follows a node's settlements for ever, as `Settlements.settlements` says. The node numbers them without holes, so the number
 * after the last one yielded is always known: a live event that skips numbers, or a look at the record, shows what was lost.
 */
export async function* followSettlements(
  follower: SettlementFollower,
  options: FollowSettlements,
): AsyncGenerator<SettlementEvent, void, undefined> {
  const { clock, logger, closed } = follower;
  const signal = options.signal === undefined ? closed : AbortSignal.any([options.signal, closed]);
  const position = { last: fromCursor(options.after) };
  let retryInMs = FIRST_RETRY_MS;
  const tell = (status: StreamStatus) => options.onStatus?.(status);
  while (!isAborted(signal)) {
    tell({ state: 'connecting' });
    try {
      for await (const event of connectedOnce(follower, position, signal)) {
        if (isAborted(signal)) return;
        if (event.kind === 'caught-up') {
          retryInMs = FIRST_RETRY_MS;
          tell({ state: 'live' });
        }
        yield event;
        if (isAborted(signal)) return;
      }
      if (isAborted(signal)) return;
      throw new LightningError('CONNECTION_LOST', 'the stream of settlements ended', { operation: 'settlements' });
    } catch (error) {
      if (isAborted(signal)) return;
      if (!isPassing(error)) throw error;
      logger.debug({ err: error, node: follower.node.name, retryInMs }, 'the stream of settlements was lost');
      tell({ state: 'lost', error, retryInMs });
    }
    await clock.sleep(retryInMs, signal).catch(() => {});
    retryInMs = Math.min(retryInMs * 2, LONGEST_RETRY_MS);
  }
}

/** From one connecting to the loss of it. */
async function* connectedOnce(
  { node, clock }: SettlementFollower,
  position: { last: number },
  outer: AbortSignal,
): AsyncGenerator<SettlementEvent, void, undefined> {
  const head = await node.call('settledHead', {}, { signal: outer });
  if (head < position.last) {
    const message = `the cursor is ahead of the node, which has settled ${head} invoices: it belongs to another one, or the network's directory was lost`;
    throw new LightningError('INVALID_ARGUMENT', message, { operation: 'settlements' });
  }
  const ended = new AbortController();
  const signal = AbortSignal.any([outer, ended.signal]);
  const wakes = new EventQueue<StreamEvent | 'look'>();
  const pump = pumpInto(wakes, node.follow('settlements', { after: position.last }, { signal }));
  let timer = clock.setTimer(RECONCILE_MS, look);
  function look(): void {
    wakes.push('look');
    timer = clock.setTimer(RECONCILE_MS, look);
  }
  try {
    for await (const wake of wakes.drain()) {
      if (wake !== 'look' && wake.kind === 'caught-up') yield { kind: 'caught-up', cursor: toCursor(position.last) };
      else if (wake !== 'look' && wake.number <= position.last) continue;
      else if (wake !== 'look' && wake.number === position.last + 1) yield advance(position, wake);
      else yield* missed(node, position, signal);
    }
  } finally {
    timer[Symbol.dispose]();
    ended.abort();
    await pump;
  }
}

/** What the node's record has after the last one yielded. */
async function* missed(
  node: SimulatedNode,
  position: { last: number },
  signal: AbortSignal,
): AsyncGenerator<SettlementEvent, void, undefined> {
  for (;;) {
    const batch = await node.call('settledAfter', { number: position.last, limit: BATCH }, { signal });
    for (const settlement of batch) yield advance(position, settlement);
    if (batch.length < BATCH) return;
  }
}

function advance(position: { last: number }, { number, settlement }: NumberedSettlement): SettlementEvent {
  position.last = number;
  return { kind: 'settled', cursor: toCursor(number), settlement };
}

async function pumpInto(queue: EventQueue<StreamEvent | 'look'>, events: AsyncIterable<StreamEvent>): Promise<void> {
  try {
    for await (const event of events) queue.push(event);
    queue.end();
  } catch (error) {
    queue.end(error);
  }
}

/** Whether waiting can cure it. */
function isPassing(error: unknown): error is LightningError {
  return isLightningError(error) && error.code !== 'INVALID_ARGUMENT' && error.code !== 'WRONG_NETWORK' && error.code !== 'NOT_FOUND';
}

/** A function of its own, since it changes between two looks. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
