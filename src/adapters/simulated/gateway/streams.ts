import type { Clock } from '../../../core/ports/clock.ts';
import type { SimulatedNetwork } from '../network/network.ts';
import type { NodeStream, NodeStreams } from './calls.ts';
import { EventQueue } from './event-queue.ts';
import type { Faults } from './faults.ts';
import { toSettlement } from './views.ts';

const BATCH = 500;

/** What a stream is given beside its parameters. */
export interface StreamContext {
  readonly network: SimulatedNetwork;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly node: string;
  /** Ends the stream from outside: with an error where the node went away, without where the follower did. */
  readonly onEnd: (end: (error?: unknown) => void) => void;
}

type Streams = {
  readonly [S in NodeStream]: (context: StreamContext, params: NodeStreams[S]['params']) => AsyncIterable<NodeStreams[S]['event']>;
};

/** Every stream of a node. */
export const nodeStreams: Streams = { settlements, closing };

async function* settlements(
  { network, clock, faults, node, onEnd }: StreamContext,
  { after }: { readonly after: number },
): AsyncIterable<NodeStreams['settlements']['event']> {
  const live = new EventQueue<number>();
  const timers = new Set<Disposable>();
  let told = after;
  let isLive = false;
  onEnd((error) => live.end(error));
  const unsubscribe = network.subscribe((event) => {
    if (!isLive || event.kind !== 'settlement' || event.node !== node) return;
    const fault = faults.takeEvent(node);
    if (fault.how === 'none') live.push(event.number);
    if (fault.how === 'repeat') for (let time = 0; time <= fault.times; time += 1) live.push(event.number);
    if (fault.how === 'delay') {
      const timer = clock.setTimer(fault.delayMs, () => {
        timers.delete(timer);
        live.push(event.number);
      });
      timers.add(timer);
    }
  });
  try {
    for (
      let batch = network.invoices.settledAfter(node, told, BATCH);
      batch.length > 0;
      batch = network.invoices.settledAfter(node, told, BATCH)
    ) {
      for (const settlement of batch.map(toSettlement)) {
        yield { kind: 'settled', ...settlement };
        told = settlement.number;
      }
    }
    // Nothing can settle between the last look and here: there is no pause in between.
    isLive = true;
    yield { kind: 'caught-up', number: told };
    for await (const number of live.drain()) {
      const [invoice] = network.invoices.settledAfter(node, number - 1, 1);
      if (invoice !== undefined) yield { kind: 'settled', ...toSettlement(invoice) };
    }
  } finally {
    unsubscribe();
    for (const timer of timers) timer[Symbol.dispose]();
  }
}

async function* closing(
  { network, node, onEnd }: StreamContext,
  params: NodeStreams['closing']['params'],
): AsyncIterable<NodeStreams['closing']['event']> {
  const changes = new EventQueue<null>();
  onEnd((error) => changes.end(error));
  const unsubscribe = network.subscribe((event) => {
    if (event.kind === 'channel' && event.outpoint === params.channel) changes.push(null);
  });
  try {
    changes.push(null);
    let told = false;
    for await (const _ of changes.drain()) {
      const { state, closingTxId: txId } = network.channels.need(node, params.channel, 'close');
      if (txId === undefined) continue;
      if (!told) yield { stage: 'closing', txId };
      told = true;
      if (state !== 'closed') continue;
      yield { stage: 'closed', txId };
      return;
    }
  } finally {
    unsubscribe();
  }
}
