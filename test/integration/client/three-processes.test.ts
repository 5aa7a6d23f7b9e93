import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { seededRandom } from '../../unit/client/support/seeded.ts';
import { freePort, type Role, ThreeProcesses } from './support/three-processes.ts';

/** Killings a run; `CRASHES=20` for the whole of it. */
const CRASHES = Number(process.env['CRASHES'] ?? 3);
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

const wait = { timeout: 40_000, interval: 20 };

/** Starts all three, lets the killings happen, and holds the result to what was promised. */
async function holdsThrough(killings: (world: ThreeProcesses) => Promise<void>): Promise<void> {
  const world = new ThreeProcesses(await freePort());
  try {
    world.start('simnet');
    await expect.poll(() => world.outboundMsat(), wait).toBeGreaterThan(0n);
    const before = world.outboundMsat();
    world.start('server');
    world.start('buyer');
    await killings(world);
    const count = world.rows().length;
    await expect.poll(() => world.rows().length, wait).toBeGreaterThan(count + 100);
    await world.kill('buyer', 'SIGINT');
    expect(before - world.outboundMsat()).toBe(200_000n);
    expect(JSON.parse(readFileSync(world.path('state/subscription.json'), 'utf8'))).toMatchObject({ spentMsat: '200000', past: [] });
    expect(holes(world.rows())).toEqual([]);
  } catch (error) {
    throw new Error(`seed ${SEED}; buyer:\n${world.log('buyer').slice(-3_000)}\nserver:\n${world.log('server').slice(-2_000)}`, {
      cause: error,
    });
  } finally {
    await world.dispose();
  }
}

test(`killed ${CRASHES} times at random moments (seed ${SEED}): paid once, every number once`, async () => {
  const random = seededRandom(SEED);
  await holdsThrough(async (world) => {
    for (let crash = 0; crash < CRASHES; crash += 1) {
      // The first ones may hit anywhere between start, quote, payment and the first row; later ones in the stream.
      await new Promise((resolve) => setTimeout(resolve, random() * 2_500));
      const roles: readonly Role[] = ['buyer', 'server', 'simnet'];
      const role = crash < roles.length ? (roles[crash] as Role) : (roles[Math.floor(random() * roles.length)] as Role);
      await world.kill(role);
      world.start(role);
    }
  });
}, 240_000);

test('the buyer is killed right after its quote, while paying, after paying and at its first row: paid once, every number once', async () => {
  await holdsThrough(async (world) => {
    for (const event of ['quote', 'paying', 'paid', 'first-tick']) {
      await expect
        .poll(() => world.log('buyer').includes(`"event":"${event}"`) || world.rows().length > 0, { ...wait, interval: 1 })
        .toBe(true);
      await world.kill('buyer');
      world.start('buyer');
    }
  });
}, 120_000);

/** Numbers that are missing or there twice, per symbol and epoch; the first one of an epoch after the first must be 1. */
function holes(rows: ReturnType<ThreeProcesses['rows']>): string[] {
  const found: string[] = [];
  const last = new Map<string, { epoch: number; seq: number }>();
  for (const { sym, epoch, seq } of rows) {
    const before = last.get(sym);
    const expected = before === undefined ? seq : before.epoch === epoch ? before.seq + 1 : 1;
    if (seq !== expected || epoch < (before?.epoch ?? 0)) found.push(`${sym}: ${epoch}/${seq} after ${before?.epoch}/${before?.seq}`);
    last.set(sym, { epoch, seq });
  }
  return found;
}
