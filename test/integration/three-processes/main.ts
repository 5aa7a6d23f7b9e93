/** Seller and buyers as processes on nodes of a kind: `npm run three-processes -- --help`. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RegtestNetwork } from '../../../regtest/network.ts';
import { killAndJudge } from './kill-and-judge.ts';
import { momentsOf } from './moments.ts';
import { HELP, readOptions, type ThreeProcessesOptions } from './options.ts';
import { startRegtestWorld } from './regtest-world.ts';
import { killPrograms } from './world.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function openNetwork({ network, buyer, middle, seller }: ThreeProcessesOptions): Promise<RegtestNetwork> {
  const roles = { payer: buyer, middle, payee: seller };
  if (network === 'emulated') return await (await import('../../../regtest/emulated/network.ts')).emulatedNetwork(roles);
  return await (await import('../../../regtest/native/native-network.ts')).startNativeNetwork(roles, say);
}

async function threeProcesses(options: ThreeProcessesOptions): Promise<number> {
  const { network, buyer, middle, seller, rounds, buyers: buyersPerRound, seed } = options;
  say(`${network}: ${buyer} → ${middle} → ${seller}, ${rounds} rounds of ${buyersPerRound} buyers, seed ${seed}`);
  let [passed, failed] = [0, 0];
  try {
    await using world = await startRegtestWorld(await openNetwork(options), say);
    for (const { title, run } of killAndJudge(world, { rounds, buyersPerRound, random: momentsOf(seed) })) {
      const started = performance.now();
      try {
        await run();
        passed += 1;
        say(`passed  ${title}  ${((performance.now() - started) / 1_000).toFixed(1)} s`);
      } catch (error) {
        failed += 1;
        say(`FAILED  ${title}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
    }
  } catch (error) {
    failed += 1;
    say(`could not be run: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Whatever is started has its files in one folder of ours and is gone when we are. */
function cleanUp(): void {
  // Short: the name of a unix socket in it holds about 100 bytes.
  const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'lt3-'));
  process.env['TMPDIR'] = folder;
  process.once('exit', () => {
    killPrograms();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
}

let options: ThreeProcessesOptions | undefined;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
  process.exit(2);
}
if (options === undefined) {
  process.stdout.write(HELP);
  process.exit(0);
}
cleanUp();
process.exit(await threeProcesses(options));
