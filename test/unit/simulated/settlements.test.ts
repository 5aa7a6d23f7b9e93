import { expect, test } from 'vitest';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import type { SettlementCursor, SettlementEvent, StreamStatus } from '../../../src/core/lightning/settlement.ts';
import { until, type World, world } from './world.ts';

interface Following {
  readonly events: SettlementEvent[];
  readonly states: StreamStatus['state'][];
  /** Rejects where the stream threw. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

function follow(backend: LightningBackend, after?: SettlementCursor): Following {
  const [events, states, controller]: [SettlementEvent[], StreamStatus['state'][], AbortController] = [[], [], new AbortController()];
  const ended = (async () => {
    const options = { signal: controller.signal, onStatus: ({ state }: StreamStatus) => states.push(state) };
    for await (const event of backend.invoices.settlements({ ...options, ...(after !== undefined && { after }) })) events.push(event);
  })();
  ended.catch(() => {});
  return {
    events,
    states,
    ended,
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}

async function pay(at: World, amountMsat: number): Promise<void> {
  const { paymentRequest } = await at
    .backend('seller')
    .invoices.create({ amountMsat: msat(amountMsat), description: '', expirySeconds: 600 });
  expect((await at.backend('buyer').payments.pay({ paymentRequest, maxFeeMsat: sat(10) })).status).toBe('settled');
}

/** Amounts of what was settled, and `|` where it had caught up. */
function told(events: readonly SettlementEvent[]): string {
  return events.map((event) => (event.kind === 'caught-up' ? '|' : event.settlement.receivedMsat)).join(' ');
}

test('what was settled before comes first, then what is settled now', async () => {
  const at = world();
  await pay(at, 1);
  await pay(at, 2);
  const following = follow(at.backend('seller'));
  await until('caught up', () => told(following.events) === '1 2 |');
  await pay(at, 3);
  await until('the live one', () => told(following.events) === '1 2 | 3');
  await following.stop();
  const [, second] = following.events;
  const later = follow(at.backend('seller'), second?.cursor);
  await until('the rest', () => told(later.events) === '3 |');
  await later.stop();
});

test('from the head on nothing old is told', async () => {
  const at = world();
  await pay(at, 1);
  const seller = at.backend('seller');
  const following = follow(seller, await seller.invoices.settlementsHead());
  await until('caught up', () => told(following.events) === '|');
  await pay(at, 2);
  await until('the new one', () => told(following.events) === '| 2');
  await following.stop();
});

test('a dropped event is found in the node’s record when the next one comes', async () => {
  const at = world();
  const following = follow(at.backend('seller'));
  await until('caught up', () => told(following.events) === '|');
  await at.simnet.control.call('faults', { kind: 'settlement-events', node: 'seller', how: 'drop', count: 2 });
  for (const amount of [1, 2, 3]) await pay(at, amount);
  await until('all three', () => told(following.events) === '| 1 2 3');
  await following.stop();
});

test('a dropped event is found even when nothing comes after it', async () => {
  const at = world();
  const following = follow(at.backend('seller'));
  await until('caught up', () => told(following.events) === '|');
  await at.simnet.control.call('faults', { kind: 'settlement-events', node: 'seller', how: 'drop', count: 1 });
  await pay(at, 1);
  at.clock.advance(2_000);
  await until('it is found', () => told(following.events) === '| 1');
  await following.stop();
});

test('events that come late or again are told once, in their order', async () => {
  const at = world();
  const following = follow(at.backend('seller'));
  await until('caught up', () => told(following.events) === '|');
  const { control } = at.simnet;
  await control.call('faults', { kind: 'settlement-events', node: 'seller', how: 'delay', count: 1, delayMs: 500 });
  await control.call('faults', { kind: 'settlement-events', node: 'seller', how: 'repeat', count: 2, times: 3 });
  for (const amount of [1, 2, 3]) await pay(at, amount);
  at.clock.advance(500);
  await pay(at, 4);
  await until('all four', () => following.events.length >= 5);
  expect(told(following.events)).toBe('| 1 2 3 4');
  await following.stop();
});

test('a node that goes away is waited for, and the stream catches up again', async () => {
  const at = world();
  const { network, control } = at.simnet;
  const following = follow(at.backend('seller'));
  await until('caught up', () => told(following.events) === '|');
  await control.call('stopNode', { node: 'seller' });
  await until('lost', () => following.states.at(-1) === 'lost');
  await expect(at.backend('seller').node.info()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await control.call('startNode', { node: 'seller' });
  const { paymentRequest } = network.invoices.create('seller', { amountMsat: msat(7), description: '', expirySeconds: 600 });
  expect(network.pay('buyer', { paymentRequest, maxFeeMsat: sat(10) }).status).toBe('settled');
  at.clock.advance(5_000);
  await until('caught up again', () => told(following.events) === '| 7 |');
  expect(following.states).toEqual(['connecting', 'live', 'lost', 'connecting', 'live']);
  await following.stop();
});

test('a refused node is tried again at growing intervals', async () => {
  const at = world();
  const { control } = at.simnet;
  await control.call('faults', { kind: 'refuse', node: 'seller', refuse: true });
  const following = follow(at.backend('seller'));
  for (const pause of [100, 200, 400]) {
    await until('lost', () => following.states.at(-1) === 'lost');
    at.clock.advance(pause);
    await until('connecting', () => following.states.length % 2 === 0 || following.states.at(-1) === 'lost');
  }
  expect(following.states.length).toBeGreaterThanOrEqual(6);
  await control.call('faults', { kind: 'clear' });
  await until('lost', () => following.states.at(-1) === 'lost');
  at.clock.advance(5_000);
  await until('caught up', () => told(following.events) === '|');
  await following.stop();
});

test('a cursor of another adapter, or ahead of the node, is refused', async () => {
  const at = world();
  for (const cursor of ['lnd:5', '5', 'simulated:', 'simulated:x', 'simulated:1']) {
    await expect(follow(at.backend('seller'), cursor as SettlementCursor).ended).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
});

test('a stream of a node that is not there ends with an error', async () => {
  await expect(follow(world().backend('nobody')).ended).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('disposing of the backend ends its streams', async () => {
  const at = world();
  const seller = at.backend('seller');
  const following = follow(seller);
  await until('caught up', () => told(following.events) === '|');
  await seller[Symbol.asyncDispose]();
  await following.ended;
  await expect(seller.node.info()).rejects.toMatchObject({ code: 'ABORTED' });
  expect(at.clock.waiting).toBe(0);
});

test('a thousand settlements while nobody looked are told in order, once each', async () => {
  const at = world();
  const { network } = at.simnet;
  for (let amount = 1; amount <= 1200; amount += 1) {
    const secret = amount.toString(16).padStart(64, '0') as never;
    network.keysend('buyer', {
      destination: network.nodes.need('seller').nodeId,
      amountMsat: msat(amount),
      maxFeeMsat: msat(0),
      preimage: secret,
    });
  }
  const following = follow(at.backend('seller'));
  await until('all of them', () => following.events.at(-1)?.kind === 'caught-up');
  expect(told(following.events)).toBe(`${Array.from({ length: 1200 }, (_, at) => at + 1).join(' ')} |`);
  await following.stop();
});
