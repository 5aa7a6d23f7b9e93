import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isClean, NOTHING, sum, type Tally } from './facts.ts';
import { Lane } from './lane.ts';
import type { ChaosNetwork, NetworkOptions } from './networks/network.ts';
import { type ChaosOptions, HELP, readOptions } from './options.ts';
import { killAll } from './program.ts';
import { PlanRandom } from './random.ts';
import { SABOTAGES } from './sabotage/names.ts';
import { World } from './world.ts';

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

async function openNetwork(options: ChaosOptions, network: NetworkOptions): Promise<ChaosNetwork> {
  if (options.network === 'simulated') return await (await import('./networks/simulated.ts')).simulatedChaos(network);
  return await (await import('./networks/emulated.ts')).emulatedChaos(options.backend, network);
}

function preloads(name: string | undefined): { readonly server: readonly string[]; readonly buyer: readonly string[] } {
  const sabotage = name === undefined ? undefined : SABOTAGES[name];
  const urls = (file: string | undefined) => (file === undefined ? [] : [new URL(file, new URL('./sabotage/', import.meta.url)).href]);
  return { server: urls(sabotage?.server), buyer: urls(sabotage?.buyer) };
}

/** Runs a share of the kills in a world of its own. */
async function runLane(
  options: ChaosOptions,
  dir: string,
  index: number,
  { signal, enough }: { readonly signal: AbortSignal; readonly enough: AbortSignal },
  onTally: (tally: Tally) => void,
): Promise<readonly string[]> {
  const random = new PlanRandom(options.seed).fork(`lane-${index}`);
  const here = join(dir, `lane-${index}`);
  mkdirSync(here);
  const progress = (line: string): void => say(`lane ${index}: ${line}`);
  const network = await openNetwork(options, { dir: here, progress });
  try {
    const world = await World.open({ dir: here, network, preload: preloads(options.sabotage), random });
    try {
      if (!world.disk.mounted) progress('no file system may be mounted here: full disks are no part of this run');
      const share = Math.floor(options.kills / options.lanes) + (index < options.kills % options.lanes ? 1 : 0);
      const lane = new Lane({
        world,
        random,
        kills: share,
        signal,
        enough,
        patienceMs: options.patienceSeconds * 1_000,
        onRound: ({ number, tally, notes }) => {
          onTally(lane.tally);
          progress(`round ${number}: ${lane.tally.kills}/${share} kills, ${tally.paid} paid, ${tally.rowsDelivered} rows`);
          for (const note of notes) progress(`  ${note}`);
        },
      });
      const words = await lane.run();
      onTally(lane.tally);
      for (const text of words) progress(text);
      return words;
    } finally {
      await world[Symbol.asyncDispose]();
    }
  } finally {
    await network[Symbol.asyncDispose]();
  }
}

async function chaos(options: ChaosOptions): Promise<number> {
  const started = performance.now();
  const dir = mkdtempSync(join(tmpdir(), 'ltp-chaos-'));
  const { network, backend, kills, seed, lanes, sabotage } = options;
  const nodes = network === 'simulated' ? '' : ` (${backend})`;
  say(`chaos: ${network}${nodes}, ${kills} kills, seed ${seed}${sabotage === undefined ? '' : `, with the fault ${sabotage}`}`);
  const stopping = new AbortController();
  const enough = new AbortController();
  const interrupt = (): void => {
    stopping.abort();
    enough.abort();
    killAll();
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  if (options.minutes !== undefined) setTimeout(() => enough.abort(), options.minutes * 60_000).unref();

  const tallies: Tally[] = [];
  const failures: unknown[] = [];
  const found: string[] = [];
  const lane = async (index: number): Promise<void> => {
    try {
      const onTally = (tally: Tally): void => {
        tallies[index] = tally;
      };
      const words = await runLane(options, dir, index, { signal: stopping.signal, enough: enough.signal }, onTally);
      if (words.length > 0) enough.abort();
      found.push(...words);
    } catch (error) {
      failures.push(error);
      enough.abort();
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
  if (stopping.signal.aborted) {
    rmSync(dir, { recursive: true, force: true });
    return 130;
  }

  const tally = tallies.reduce((one, other) => sum(one, other), NOTHING);
  for (const failure of failures) say(`it could not be judged: ${failure instanceof Error ? (failure.stack ?? failure.message) : failure}`);
  const clean = isClean(tally) && failures.length === 0;
  if (clean) rmSync(dir, { recursive: true, force: true });
  else say(`failed with --seed ${seed}; logs: ${dir}`);
  say(`${Math.round((performance.now() - started) / 1_000)} s`);
  if (options.json) process.stdout.write(`${JSON.stringify(tally)}\n`);
  else for (const [key, value] of Object.entries(tally)) say(`${key.padEnd(18)} ${value}`);
  return clean ? 0 : 1;
}

async function main(): Promise<number> {
  let options: ChaosOptions;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    say(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  return await chaos(options);
}

process.exit(await main());
