/** Runs the contract on a network of the caller's choice: `npm run contract -- --help`. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CommanderError } from 'commander';
import { ConfigError } from '../../src/app/config/errors.ts';
import { differences, readCaseList, writeCaseList } from './cli/case-list.ts';
import { execute } from './cli/execute.ts';
import { type ContractOptions, parseOptions } from './cli/options.ts';
import { type RunOutcome, sumCounts } from './cli/outcome.ts';
import { planRuns } from './cli/plan.ts';
import { asJson, closingLine, failures } from './cli/report.ts';
import { table } from './cli/table.ts';
import type { ContractNetwork } from './network.ts';
import { targetOf } from './targets/targets.ts';

const USAGE = 2;
const INTERRUPTED = 130;
const CLOSE_MS = 60_000;

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options === 'write-list') {
    writeCaseList();
    return 0;
  }
  const target = await targetOf(options.network, options);
  const runs = planRuns(options, target.kinds);
  const out = (text: string): void => void process.stdout.write(`${text}\n`);
  const say = options.json ? (text: string): void => void process.stderr.write(`${text}\n`) : out;
  const otherwise = [...differences(readCaseList()), ...nothingToRun(options, runs.length)];
  for (const line of otherwise) say(line);
  for (const [kind, why] of Object.entries(target.missing)) say(`${kind}  ${why}`);

  let open: Promise<ContractNetwork> | undefined;
  cleanUpAfter(() => open);
  process.on('unhandledRejection', (error) => {
    const line = `an error that nobody waited for: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    otherwise.push(line);
    say(line);
  });
  const outcomes: RunOutcome[] = [];
  const onNetwork = (network: Promise<ContractNetwork> | undefined): void => {
    open = network;
  };
  for (const run of runs) outcomes.push(await execute(run, target, { backlogSize: options.backlog, say, onNetwork }));

  const counts = sumCounts(outcomes, otherwise.length);
  if (options.json) out(asJson(target.name, outcomes, otherwise, counts));
  else if (outcomes.length > 0) out(`\n${table(outcomes)}\n`);
  const wrong = failures(outcomes, otherwise);
  if (wrong !== '') say(`${wrong}\n`);
  say(closingLine(counts));
  return counts.failed === 0 ? 0 : 1;
}

/** A name that is misspelt must not look like a run without failures. */
function nothingToRun({ only, network }: ContractOptions, runs: number): readonly string[] {
  if (runs > 0) return [];
  return [only === undefined ? `${network} has no backend to run the contract on` : `no case has "${only}" in its title`];
}

/**
 * Temporary folders of everything that is started go into one of our own, which is gone when we are; whoever interrupts us
 * gets the network closed, and a second time the end at once.
 */
function cleanUpAfter(openNetwork: () => Promise<ContractNetwork> | undefined): void {
  // Short: the name of a unix socket in it holds about 100 bytes.
  const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'ltc-'));
  process.env['TMPDIR'] = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(INTERRUPTED));
      process.stderr.write('\ninterrupted: closing the network\n');
      const end = (): never => process.exit(INTERRUPTED);
      setTimeout(end, CLOSE_MS);
      const close = async (): Promise<void> => await (await openNetwork())?.[Symbol.asyncDispose]();
      close().then(end, end);
    });
  }
}

try {
  process.exitCode = await main(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE;
  else {
    const text = error instanceof ConfigError ? error.message : error instanceof Error ? `error: ${error.message}` : String(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = USAGE;
  }
}
// What a case has left behind must not keep us alive.
process.exit();
