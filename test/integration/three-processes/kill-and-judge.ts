import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../contract/support.ts';
import type { RegtestWorld } from './regtest-world.ts';
import { rowsOf, soldOnce } from './sold-once.ts';
import type { Program } from './world.ts';

/** How much is to be done. */
export interface KillOptions {
  readonly rounds: number;
  readonly buyersPerRound: number;
  /** A whole number below the one given. */
  readonly random: (below: number) => number;
}

/** Something that must hold, in the order given. */
export interface Step {
  readonly title: string;
  run(): Promise<void>;
}

const MOMENT_MS = 1_500;
const WHILE_PAYING_MS = 60;
const PATIENCE_MS = 120_000;
const ROWS = 10;
const LAST_WORDS = 400;

/**
 * Rounds of buyers in which the server is killed, the seller's node restarted and a buyer killed after it has begun to pay; then
 * what the payer's node says was paid is held against what the buyers wrote.
 */
export function killAndJudge(world: RegtestWorld, { rounds, buyersPerRound, random }: KillOptions): readonly Step[] {
  const buyers: Program[] = [];
  const round = async (number: number): Promise<void> => {
    const all = Array.from({ length: buyersPerRound }, (_, index) => world.buyer(`buyer-${number}-${index}`));
    buyers.push(...all);
    for (const buyer of all) buyer.start();
    await Promise.all([
      killServer(world, random(MOMENT_MS)),
      sleep(random(MOMENT_MS)).then(() => world.restartSellersNode()),
      killPaying(all[0] as Program, random(WHILE_PAYING_MS)),
    ]);
    await Promise.all(
      all.map((buyer) => {
        const before = rowsOf(buyer).length;
        return until(buyer, 'rows flow again', () => rowsOf(buyer).length > before + ROWS);
      }),
    );
    for (const buyer of all) await buyer.end(random(2) === 0 ? 'SIGKILL' : 'SIGINT');
  };
  return [
    { title: 'the seller has no more rights than it needs', run: () => world.assertLeastPrivilege() },
    ...Array.from({ length: rounds }, (_, index) => ({
      title: `round ${index + 1}: server, seller's node and buyer go down while paying, and rows flow again`,
      run: () => round(index + 1),
    })),
    { title: "the buyers' node has paid once for each buyer, and nothing else", run: () => paidOnce(world, buyers) },
    { title: 'one grant for each payment, and from its first number on every row written once', run: () => soldOnce(world, buyers) },
  ];
}

async function killServer({ server }: RegtestWorld, afterMs: number): Promise<void> {
  await sleep(afterMs);
  await server.end('SIGKILL');
  server.start();
}

async function killPaying(buyer: Program, afterMs: number): Promise<void> {
  await until(buyer, 'the buyer pays', () => buyer.latest('err').includes('"paying"'));
  await sleep(afterMs);
  await buyer.end('SIGKILL');
  buyer.start();
}

async function paidOnce(world: RegtestWorld, buyers: readonly Program[]): Promise<void> {
  const paid = await world.paid();
  for (const buyer of buyers) {
    const tried = new Set([...buyer.output('err').matchAll(/"paymentHash":"([0-9a-f]{64})"/g)].map(([, hash]) => hash));
    assert.equal(paid.filter((hash) => tried.has(hash)).length, 1, `payments of ${[...tried].join(', ')}`);
  }
  assert.equal(paid.length, buyers.length, "payments of the buyers' node");
}

/**
 * Waits; where it does not come about, the last words of the buyer are told. One who ended because no payment came through, the
 * seller's node being away, is started again, as whoever runs it would do: nothing was paid.
 */
async function until(buyer: Program, what: string, condition: () => boolean): Promise<void> {
  const holds = (): boolean => {
    if (condition()) return true;
    if (buyer.ended === 1 && buyer.latest('err').includes('the payment failed, nothing was paid')) buyer.start();
    return false;
  };
  try {
    await eventually(what, holds, PATIENCE_MS);
  } catch (error) {
    throw new Error(`${(error as Error).message}; the buyer said ${buyer.output('err').slice(-LAST_WORDS)}`);
  }
}
