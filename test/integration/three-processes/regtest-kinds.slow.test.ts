import { expect, test } from 'vitest';
import { emulatedNetwork } from '../../../regtest/emulated/network.ts';
import { systemClock } from '../../../src/app/system.ts';
import { killAndJudge } from './kill-and-judge.ts';
import { momentsOf } from './moments.ts';
import { startRegtestWorld } from './regtest-world.ts';

const BUYERS = 2;
const SEED = Number(process.env['TICKERPLANT_SEED'] ?? systemClock.now() % 1_000_000);

for (const kind of ['lnd', 'cln', 'eclair'] as const) {
  test(`seller and buyer on ${kind}: killed while paying, each buyer pays once and has every row once (seed ${SEED})`, {
    timeout: 280_000,
  }, async () => {
    await using world = await startRegtestWorld(await emulatedNetwork({ payer: kind }));
    const steps = killAndJudge(world, { rounds: 1, buyersPerRound: BUYERS, random: momentsOf(SEED) });
    for (const { run } of steps) await run();
    expect(await world.paid()).toHaveLength(BUYERS);
  });
}
