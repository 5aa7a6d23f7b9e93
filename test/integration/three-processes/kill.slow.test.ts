import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { simulated } from '../../../src/adapters/simulated/definition.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { allPages, eventually } from '../../contract/support.ts';
import { momentsOf } from './moments.ts';
import { rowsOf, soldOnce } from './sold-once.ts';
import { type Program, startWorld, type World } from './world.ts';

const ROUNDS = 20;
const SEED = Number(process.env['TICKERPLANT_SEED'] ?? systemClock.now() % 1_000_000);

/** Kills all three at random moments, the buyer after it has begun to pay, and starts each again. */
async function round(world: World, buyer: Program, random: (below: number) => number): Promise<void> {
  buyer.start();
  const killServer = async () => {
    await sleep(random(1_500));
    await world.server.end('SIGKILL');
    world.server.start();
  };
  const killSimnet = async () => {
    await sleep(random(1_500));
    await world.simnet.end('SIGKILL');
    world.simnet.start();
  };
  const killBuyer = async () => {
    await eventually('the buyer pays', () => buyer.latest('err').includes('"paying"'));
    await sleep(random(60));
    await buyer.end('SIGKILL');
    buyer.start();
  };
  await Promise.all([killServer(), killSimnet(), killBuyer()]);
  const before = rowsOf(buyer).length;
  await eventually('rows flow again', () => rowsOf(buyer).length > before + 10, 60_000);
  await buyer.end(random(2) === 0 ? 'SIGKILL' : 'SIGINT');
}

/** So many rounds in a world of their own, then what the wallet, the ledger and the buyers' output say of them. */
async function rounds(count: number, random: (below: number) => number): Promise<void> {
  await using world = await startWorld();
  const buyers: Program[] = [];
  for (let index = 0; index < count; index += 1) {
    const buyer = world.buyer(`buyer-${index}`);
    buyers.push(buyer);
    await round(world, buyer, random);
  }
  expect(await settledPayments(world), 'payments of the buyers’ node').toBe(count);
  await soldOnce(world, buyers);
}

/** Settled payments of the node that all buyers of a world pay with. */
async function settledPayments(world: World): Promise<number> {
  await using store = await openSqliteLedger({ path: ':memory:', logger: silentLogger });
  const { intents, settlementLog } = store;
  const dependencies = { clock: systemClock, random: systemRandom, logger: silentLogger, intents, settlementLog };
  await using wallet = await simulated.create({ kind: 'simulated', socket: world.socket, node: 'buyer' }, dependencies);
  const payments = await allPages((after) => wallet.payments.list(after === undefined ? {} : { after }));
  return payments.filter((payment) => payment.outcome.status === 'settled').length;
}

test(`killed ${ROUNDS} times at random moments, each subscription is paid once and every row is printed once (seed ${SEED})`, {
  timeout: 280_000,
}, async () => {
  const random = momentsOf(SEED);
  await Promise.all([rounds(ROUNDS / 2, random), rounds(ROUNDS / 2, random)]);
});

test('killed right after its quote, while paying, after paying and at its first row, a buyer pays once and has every row once', {
  timeout: 120_000,
}, async () => {
  await using world = await startWorld();
  const buyer = world.buyer('buyer');
  buyer.start();
  for (const moment of ['quote', 'paying', 'paid', 'first-tick']) {
    await eventually(moment, () => buyer.output('err').includes(`"event":"${moment}"`) || buyer.output() !== '');
    await buyer.end('SIGKILL');
    buyer.start();
  }
  await eventually('rows flow again', () => rowsOf(buyer).length > 10);
  await buyer.end('SIGINT');
  expect(await settledPayments(world)).toBe(1);
  await soldOnce(world, [buyer]);
});
