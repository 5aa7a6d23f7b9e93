import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { registerAccess } from './commands/access.ts';
import { registerBackend } from './commands/backend.ts';
import { registerConfig } from './commands/config.ts';
import { registerDemo } from './commands/demo.ts';
import { registerDevice } from './commands/device.ts';
import { registerJournal } from './commands/journal.ts';
import { registerLedger } from './commands/ledger.ts';
import { registerListener } from './commands/listener.ts';
import { registerPay } from './commands/pay.ts';
import { registerPurchases } from './commands/purchases.ts';
import { registerSimnet } from './commands/simnet.ts';
import { registerStart } from './commands/start.ts';
import { registerStore } from './commands/store.ts';
import { registerSub } from './commands/sub.ts';
import { registerToken } from './commands/token.ts';
import { ExitCode } from './exit-codes.ts';
import { reportFailure } from './failures.ts';

/** The `tickerplant` command. Each subcommand loads what it needs when it runs, so that `--help` is there at once. */
export function createProgram(): Command {
  // By the package's own name: sources and what is built from them stand at different depths.
  const { version } = createRequire(import.meta.url)('lightning-tickerplant/package.json') as { readonly version: string };
  const program = new Command('tickerplant')
    .description('A tickerplant that is paid over Lightning.')
    .version(version, '-V, --version')
    .showSuggestionAfterError()
    .showHelpAfterError('(try tickerplant --help)')
    .addHelpText(
      'after',
      `\nExit codes: 0 done · 1 failed · 2 command line or config wrong · 3 over the budget · 4 server or node away ·\n5 payment in flight or unknown · 130 interrupted. Configuration: docs/configuration.md`,
    )
    .exitOverride();
  registerStart(program);
  registerDemo(program);
  registerSub(program);
  registerPay(program);
  registerListener(program);
  registerSimnet(program);
  registerConfig(program);
  registerBackend(program);
  registerLedger(program);
  registerJournal(program);
  registerToken(program);
  registerAccess(program);
  registerStore(program);
  registerPurchases(program);
  registerDevice(program);
  return program;
}

/** Runs the command line and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  // Subcommands don't take over their parent's way to end.
  for (const command of allCommands(program)) command.exitOverride();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    else process.exitCode = await reportFailure(error);
  }
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...allCommands(each)]);
}
