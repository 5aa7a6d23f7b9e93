import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { simulated } from '../../../src/adapters/simulated/definition.ts';
import { SeededRandom } from '../../../src/adapters/simulated/seeded-random.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import type { Ledger } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { allPages, eventually } from '../../contract/support.ts';
import { type Program, startWorld, type World } from './world.ts';

const ROUNDS = 20;
const SEED = Number(process.env['TICKERPLANT_SEED'] ?? systemClock.now() % 1_000_000);
const SYMBOLS = ['AAPL', 'GOOGL'];

interface PrintedRow {
  readonly sym: string;
  readonly epoch: number;
  readonly seq: number;
}

function rowsOf(buyer: Program): readonly PrintedRow[] {
  const lines = buyer.output().split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as PrintedRow);
}

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
  await assertSoldOnce(world, buyers);
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

/** Stops the server and looks into what it sold. */
async function assertSoldOnce(world: World, buyers: readonly Program[]): Promise<void> {
  await world.server.end('SIGTERM');
  await using sold = await openSqliteLedger({ path: world.ledger, logger: silentLogger });
  for (const buyer of buyers) await assertOnce(sold.ledger, buyer);
}

/** One payment, one grant, and from its first number on each row once. */
async function assertOnce(ledger: Ledger, buyer: Program): Promise<void> {
  const subscription = /"subscription":"([0-9a-f]+)"/.exec(buyer.output('err'))?.[1] ?? '';
  const grants = (await ledger.subscription(subscription))?.grants ?? [];
  expect(grants).toHaveLength(1);
  const rows = rowsOf(buyer);
  expect(new Set(rows.map((row) => row.epoch)), 'the epoch goes on after a killed process').toEqual(new Set([1]));
  for (const sym of SYMBOLS) {
    const numbers = rows.filter((row) => row.sym === sym).map((row) => row.seq);
    const first = grants[0]?.next[sym] ?? 0;
    expect(numbers, sym).toEqual(numbers.map((_number, at) => first + at));
    expect(numbers.length).toBeGreaterThan(0);
  }
}

test(`killed ${ROUNDS} times at random moments, each subscription is paid once and every row is printed once (seed ${SEED})`, {
  timeout: 280_000,
}, async () => {
  const seeded = new SeededRandom(SEED);
  const random = (below: number) => Buffer.from(seeded.bytes(4)).readUInt32LE() % below;
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
  await assertSoldOnce(world, [buyer]);
});
