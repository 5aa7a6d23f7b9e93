import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleCommand } from './bundle.ts';
import { isClean, NOTHING, sum, type Tally } from './facts.ts';
import { Lane } from './lane.ts';
import type { ChaosNetwork, NetworkOptions } from './networks/network.ts';
import { type ChaosOptions, HELP, readOptions } from './options.ts';
import { killAll, useCommand } from './program.ts';
import { PlanRandom } from './random.ts';
import { keepRunFolder, newRunFolder } from './run-folder.ts';
import { SABOTAGES } from './sabotage/names.ts';
import { World, type WorldOptions } from './world.ts';

const INTERRUPTED = 130;
/** What an interrupted run is given to let go of everything. */
const GRACE_MS = 3_000;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

async function openNetwork(options: ChaosOptions, network: NetworkOptions): Promise<ChaosNetwork> {
  if (options.network === 'native') return await (await import('./networks/native.ts')).nativeChaos(options.backend, network);
  if (options.network === 'simulated') return await (await import('./networks/simulated.ts')).simulatedChaos(network);
  return await (await import('./networks/emulated.ts')).emulatedChaos(options.backend, network);
}

function preloads(name: string | undefined): WorldOptions['preload'] {
  const sabotage = name === undefined ? undefined : SABOTAGES[name];
  const urls = (file: string | undefined) => (file === undefined ? [] : [new URL(file, new URL('./sabotage/', import.meta.url)).href]);
  return { server: urls(sabotage?.server), buyer: urls(sabotage?.buyer), listener: urls(sabotage?.listener) };
}

/** Runs a share of the kills in a world of its own. */
async function runLane(
  options: ChaosOptions,
  dir: string,
  index: number,
  { signal, enough }: { readonly signal: AbortSignal; readonly enough: AbortSignal },
  onTally: (tally: Tally, done: ReadonlyMap<string, number>) => void,
): Promise<readonly string[]> {
  const random = new PlanRandom(options.seed).fork(`lane-${index}`);
  const here = join(dir, `lane-${index}`);
  mkdirSync(here);
  const progress = (line: string): void => say(`lane ${index}: ${line}`);
  const network = await openNetwork(options, { dir: here, progress });
  try {
    const listener = options.processes === 'server,listener';
    const world = await World.open({ dir: here, network, preload: preloads(options.sabotage), listener, random });
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
          onTally(lane.tally, lane.done);
          progress(`round ${number}: ${lane.tally.kills}/${share} kills, ${tally.paid} paid, ${tally.rowsDelivered} rows`);
          for (const note of notes) progress(`  ${note}`);
        },
      });
      const words = await lane.run();
      onTally(lane.tally, lane.done);
      for (const text of words) progress(text);
      if (!lane.clean) world.keep();
      if (options.keep !== undefined) world.leaveBooks(join(options.keep, `lane-${index}`));
      return words;
    } catch (error) {
      world.keep();
      throw error;
    } finally {
      await world[Symbol.asyncDispose]();
    }
  } finally {
    await network[Symbol.asyncDispose]();
  }
}

async function chaos(options: ChaosOptions): Promise<number> {
  const started = performance.now();
  const dir = newRunFolder();
  const { network, backend, kills, seed, lanes, sabotage } = options;
  const nodes = network === 'simulated' ? '' : ` (${backend})`;
  say(`chaos: ${network}${nodes}, ${kills} kills, seed ${seed}${sabotage === undefined ? '' : `, with the fault ${sabotage}`}`);
  // A fault is built into the modules of the source.
  if (sabotage === undefined) useCommand(await bundleCommand());
  const stopping = new AbortController();
  const enough = new AbortController();
  let kept = false;
  process.once('exit', () => {
    killAll();
    if (!kept) rmSync(dir, { recursive: true, force: true });
  });
  const interrupt = (): void => {
    stopping.abort();
    enough.abort();
    killAll();
    setTimeout(() => process.exit(INTERRUPTED), GRACE_MS).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, interrupt);
  if (options.minutes !== undefined) setTimeout(() => enough.abort(), options.minutes * 60_000).unref();

  const tallies: Tally[] = [];
  const deeds: ReadonlyMap<string, number>[] = [];
  const failures: unknown[] = [];
  const found: string[] = [];
  const lane = async (index: number): Promise<void> => {
    try {
      const onTally = (tally: Tally, done: ReadonlyMap<string, number>): void => {
        tallies[index] = tally;
        deeds[index] = done;
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
  if (stopping.signal.aborted) return INTERRUPTED;

  const tally = tallies.reduce((one, other) => sum(one, other), NOTHING);
  for (const failure of failures) say(`it could not be judged: ${failure instanceof Error ? (failure.stack ?? failure.message) : failure}`);
  const clean = isClean(tally) && failures.length === 0 && found.length === 0;
  if (!clean) {
    kept = true;
    keepRunFolder(dir);
    say(`failed with --seed ${seed}; logs: ${dir}`);
  }
  const done = new Map<string, number>();
  for (const [name, count] of deeds.flatMap((each) => [...each])) done.set(name, (done.get(name) ?? 0) + count);
  say(
    `done: ${[...done]
      .sort()
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  );
  const seconds = (performance.now() - started) / 1_000;
  say(`${Math.round(seconds)} s, ${((tally.kills / seconds) * 60).toFixed(1)} kills a minute`);
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
