import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/app/system.ts';
import { positionAfter, type SubscriberEvent } from '../../../src/client/events.ts';
import { openStateDirectory } from '../../../src/client/state-directory.ts';
import { openMarket, subscribeTo } from './support/buyer.ts';
import { Crash, Fate, mortalPayer, mortalState } from './support/fate.ts';
import type { TestPayer } from './support/payer.ts';
import type { TestTickerplant } from './support/tickerplant.ts';

interface Run {
  readonly plant: TestTickerplant;
  readonly payer: TestPayer;
  readonly directory: string;
  readonly outputPath: string;
}

/** One life: reads and writes rows to the output file until there are `count` lines, or until its fate. */
async function live({ plant, payer, directory, outputPath }: Run, fate: Fate, count: number): Promise<'done' | 'crashed'> {
  const fd = openSync(outputPath, 'a');
  const state = openStateDirectory({ directory, outputFd: fd });
  const output = state.output(fd, systemClock);
  const subscriber = subscribeTo(plant, { backend: mortalPayer(payer, fate), state: mortalState(state, fate), commit: 'manual' });
  try {
    if (lines(outputPath).length >= count) return 'done';
    for await (const event of subscriber) {
      fate.step();
      const position = positionAfter(event);
      if (event.type === 'active' || event.type === 'resumed') publishSome(plant);
      if (position !== undefined) {
        await output.write(Buffer.from(text(event)), [position]);
        fate.step();
      }
      if (lines(outputPath).length >= count) return 'done';
    }
    return 'crashed';
  } catch (error) {
    if (error instanceof Crash) return 'crashed';
    throw error;
  } finally {
    await subscriber[Symbol.asyncDispose]();
    await state[Symbol.asyncDispose]();
    closeSync(fd);
  }
}

function publishSome(plant: TestTickerplant): void {
  if ((plant.rows.get('AAPL')?.length ?? 0) < 4) plant.publish('AAPL', 2);
  if ((plant.rows.get('GOOG')?.length ?? 0) < 2) plant.publish('GOOG', 1);
}

function text(event: SubscriberEvent): string {
  if (event.type !== 'rows') return '';
  return event.rows.map((_, index) => `${event.sym} ${event.seq + index}\n`).join('');
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

async function liveUntilDone(crashes: readonly number[]): Promise<void> {
  await using market = await openMarket();
  const { plant, payer } = market;
  const base = mkdtempSync(join(tmpdir(), 'subscriber-crash-'));
  const run: Run = { plant, payer, directory: join(base, 'state'), outputPath: join(base, 'out') };
  try {
    for (const dieAt of crashes) await live(run, new Fate(dieAt), 3);
    const last = new Fate(Number.POSITIVE_INFINITY);
    expect(await live(run, last, 3)).toBe('done');
    expect(new Set(payer.paid).size).toBe(1);
    expect(payer.paid).toHaveLength(1);
    const written = lines(run.outputPath);
    for (const sym of ['AAPL', 'GOOG']) {
      const numbers = written.filter((line) => line.startsWith(sym)).map((line) => Number(line.split(' ')[1]));
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }
    const account = readFileSync(join(run.directory, 'subscription.json'), 'utf8');
    expect(JSON.parse(account)).toMatchObject({ spentMsat: '201000', purchase: { reservedMsat: '0', paidMsat: '201000' } });
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

test('killed at any single step: paid once, every row once', async () => {
  for (let dieAt = 0; dieAt < 40; dieAt += 1) await liveUntilDone([dieAt]);
}, 60_000);

test('killed again and again at any steps: paid once, every row once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 30 }), { minLength: 2, maxLength: 6 }), (crashes) => liveUntilDone(crashes)),
    { numRuns: 40 },
  );
}, 60_000);
