import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryStore } from '../../../src/adapters/simulated/network/store.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import { hashOfPreimage, type Preimage, preimage } from '../../../src/core/lightning/identifiers.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { missingMsat, type World, world } from './world.ts';

const NODES = ['a', 'b', 'c', 'd'];

const node = fc.constantFrom(...NODES);
const small = fc.nat({ max: 30 });
const two = fc.shuffledSubarray(NODES, { minLength: 2, maxLength: 2 }).map(([from = 'a', to = 'b']) => ({ from, to }));
/** Mostly what a channel can carry, at times what takes several or can't be. */
const amount = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 50_000_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 900_000_000 }) },
);
const operation = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mine' as const), blocks: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fund' as const), node, sat: fc.integer({ min: 1, max: 5_000_000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      node,
      to: fc.option(node),
      sat: fc.integer({ min: 200, max: 900_000 }),
      rate: fc.integer({ min: 1, max: 50 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      nodes: two,
      sat: fc.integer({ min: 20_000, max: 1_000_000 }),
      push: fc.nat({ max: 400_000_000 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pay' as const), nodes: two, msat: amount, over: fc.constantFrom(0, 0, 1, 2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hold' as const), nodes: two, msat: amount }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const), which: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: small }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('keysend' as const), nodes: two, msat: amount, secret: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rebalance' as const), node, one: small, two: small, msat: amount }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('close' as const),
      node,
      channel: small,
      force: fc.boolean(),
      rate: fc.integer({ min: 1, max: 500 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('policy' as const), node, base: fc.nat({ max: 5000 }), ppm: fc.nat({ max: 50_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('power' as const), node, on: fc.constantFrom(true, true, true, false) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delay' as const), ms: fc.constantFrom(0, 0, 100, 1000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** What a run knows beside the network: the secrets of its hold invoices. */
interface Held {
  readonly node: string;
  readonly secret: Preimage;
}

/** Does one thing, whether it is possible or not. */
function perform({ simnet: { network }, clock, random }: World, held: Held[], op: Exclude<Operation, { do: 'restart' }>): void {
  const channelOf = (name: string, number: number) => {
    const open = network.channels.of(name).filter(({ state }) => state !== 'closed');
    return open[number % Math.max(1, open.length)];
  };
  const pick = { description: '', expirySeconds: 3600, privateHints: true };
  switch (op.do) {
    case 'mine':
      return void network.chain.mine(op.blocks);
    case 'fund':
      return network.fund(op.node, sat(op.sat));
    case 'send': {
      const address = op.to === null ? 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080' : network.chain.newAddress(op.to);
      return void network.chain.send(op.node, address, sat(op.sat), op.rate);
    }
    case 'open':
      return void network.openChannel({ ...op.nodes, capacityMsat: sat(op.sat), pushMsat: msat(op.push), private: op.push % 5 === 0 });
    case 'pay': {
      const { paymentRequest } = network.invoices.create(op.nodes.to, { ...pick, amountMsat: msat(op.msat) });
      const over = op.over > 0 && { amountMsat: msat(op.msat * op.over + 1) };
      return void network.pay(op.nodes.from, { paymentRequest, maxFeeMsat: sat(100_000), ...over });
    }
    case 'hold': {
      const secret = preimage(Buffer.from(random.bytes(32)).toString('hex'));
      const hold = { paymentHash: hashOfPreimage(secret) };
      const { paymentRequest } = network.invoices.create(op.nodes.to, { ...pick, amountMsat: msat(op.msat), hold });
      held.push({ node: op.nodes.to, secret });
      return void network.pay(op.nodes.from, { paymentRequest, maxFeeMsat: sat(100_000) });
    }
    case 'settle': {
      const one = held[op.which % Math.max(1, held.length)];
      return one === undefined ? undefined : network.invoices.settleHeld(one.node, one.secret);
    }
    case 'cancel': {
      const one = held[op.which % Math.max(1, held.length)];
      return one === undefined ? undefined : network.invoices.cancel(one.node, hashOfPreimage(one.secret));
    }
    case 'keysend': {
      const secret = preimage(op.secret.toString(16).padStart(64, '0'));
      const destination = network.nodes.need(op.nodes.to).nodeId;
      const order = { destination, amountMsat: msat(op.msat), maxFeeMsat: sat(1000), preimage: secret };
      return void network.keysend(op.nodes.from, order);
    }
    case 'rebalance': {
      const [from, to] = [channelOf(op.node, op.one)?.shortChannelId, channelOf(op.node, op.two)?.shortChannelId];
      if (from !== undefined && to !== undefined) {
        network.rebalance(op.node, { from, to, amountMsat: msat(op.msat), maxFeeMsat: sat(100_000) });
      }
      return;
    }
    case 'close': {
      const channel = channelOf(op.node, op.channel);
      if (channel !== undefined) network.channels.close(op.node, channel.outpoint, op.force, op.rate);
      return;
    }
    case 'policy':
      return network.channels.setPolicy(op.node, 'all', { baseFeeMsat: msat(op.base), feeRatePpm: op.ppm, cltvDelta: 40 });
    case 'power':
      return op.on ? network.startNode(op.node) : network.stopNode(op.node);
    case 'delay':
      network.payments.hopDelayMs = op.ms;
      return;
    case 'wait':
      return clock.advance(op.ms);
  }
}

/** Settled and failed on both sides alike, and each settlement counted once. */
function checkBooks({ simnet: { network } }: World): void {
  for (const name of NODES) {
    const settled = network.invoices.settledAfter(name, 0, 10_000);
    expect(settled.map(({ settleNumber }) => settleNumber)).toEqual(settled.map((_, at) => at + 1));
    for (const payment of network.payments.list(name, 0, 10_000)) {
      if (payment.kind === 'rebalance') continue;
      const invoice = network.invoices.find(payment.payee, payment.paymentHash);
      const paidByThis = invoice?.state === 'settled' && invoice.payer === `${name}/${payment.paymentHash}`;
      if (payment.status !== 'pending') expect(payment.status === 'settled').toBe(paidByThis);
      const fees = payment.parts.filter(({ phase }) => phase !== 'failed').reduce((sum, { feeMsat }) => sum + feeMsat, 0n);
      expect(fees <= payment.maxFeeMsat).toBe(true);
    }
    for (const channel of network.channels.of(name)) expect(channel.aMsat >= 0n && channel.bMsat >= 0n).toBe(true);
    expect(network.nodes.need(name).walletMsat >= 0n).toBe(true);
  }
}

test('no operation makes or loses money, and both ends agree on every payment', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 5, maxLength: 60 }), (operations) => {
      const [store, clock] = [new MemoryStore(), new ManualClock()];
      // A ring, with one link double: there are ways around, and payments that take two of them.
      const links = ['ab', 'bc', 'cd', 'da', 'ab'];
      const channels = links.map(([from = 'a', to = 'b']) => ({ from, to, sat: 500_000, pushSat: 200_000 }));
      const held: Held[] = [];
      const make = () => world({ nodes: NODES, channels, store, clock, walletSat: 2_000_000 });
      let at = make();
      for (const op of operations) {
        if (op.do === 'restart') {
          at.simnet.network.close();
          at = make();
        } else {
          try {
            perform(at, held, op);
          } catch (error) {
            // What is not possible is refused by the port's own error; anything else is a mistake of the network's.
            if (!isLightningError(error)) throw error;
          }
        }
        expect(missingMsat(at.simnet)).toBe(0n);
      }
      clock.advance(60_000);
      checkBooks(at);
      at.simnet.network.close();
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('the same seed gives the same run', async () => {
  const run = async () => {
    const at = world({ seed: 5 });
    const { paymentRequest } = await at.backend('seller').invoices.create({ amountMsat: msat(1000), description: '', expirySeconds: 60 });
    await at.backend('buyer2').payments.pay({ paymentRequest, maxFeeMsat: sat(10) });
    return [paymentRequest, at.simnet.network.audit(), await at.backend('router').channels.list()];
  };
  expect(await run()).toEqual(await run());
});
