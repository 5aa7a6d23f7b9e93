import { Command, InvalidArgumentError, Option } from 'commander';
import type { SuiteName } from '../run.ts';
import { SUITES } from '../run.ts';
import { NETWORKS, type NetworkOptions } from '../targets/targets.ts';

/** What the command line asked for. */
export interface ContractOptions extends NetworkOptions {
  readonly network: string;
  readonly backend?: string;
  readonly payer?: string;
  readonly middle?: string;
  readonly payee?: string;
  readonly suite?: SuiteName;
  readonly only?: string;
  readonly backlog?: number;
  readonly json: boolean;
}

const EXAMPLES = `
Without --backend every backend of the network is tried, and then payer and payee on each pair of two different ones.
--payer, --middle and --payee choose each role by itself (left out: the payer's, or --backend's).

Examples:
  npm run contract -- --network simulated
  npm run contract -- --network native --backend lnd
  npm run contract -- --network emulated --payer lnd --middle eclair --payee cln
  npm run contract -- --network nodes.yaml --backend cln --only settlements

The last line is "N passed, N failed"; with --json it goes to standard error, and standard output is one JSON document.
Exit codes: 0 all passed or not applicable · 1 a case failed or did not run, or something is missing · 2 command line or file wrong ·
130 interrupted. The file of nodes: docs/contract.md.`;

/** Reads the command line. @throws CommanderError, after it has said what is wrong. */
export function parseOptions(argv: readonly string[]): ContractOptions | 'write-list' {
  const names = Object.keys(NETWORKS).join(', ');
  const command = new Command('contract')
    .description('Runs the contract: what every Lightning backend guarantees, and the tickerplant on top of it.')
    .option('--network <name>', `${names}, or a file of nodes that run already (.yaml)`)
    .option('--backend <kind>', 'this kind of backend in every role')
    .option('--payer <kind>', 'kind of the payer')
    .option('--middle <kind>', 'kind of the node between')
    .option('--payee <kind>', 'kind of the payee')
    .addOption(new Option('--suite <name>', 'this suite only').choices(Object.keys(SUITES)))
    .option('--only <text>', 'only cases with this text in their title')
    .option('--backlog <number>', 'settled invoices in the backlog case', positive)
    .option('--polar-home <folder>', "with polar: Polar's folder, where it usually is unless given")
    .option('--polar-network <network>', 'with polar: number or name, where there are several')
    .addOption(new Option('--around <network>', 'with polar: a Polar home written around nodes of ours').choices(['emulated', 'native']))
    .option('--json', 'the results as JSON on standard output, progress on standard error', false)
    .addOption(new Option('--write-list', 'write the list of cases, cases.json, anew').hideHelp())
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(try npm run contract -- --help)')
    .allowExcessArguments(false)
    .exitOverride();
  command.parse([...argv]);
  const options = command.opts<Partial<ContractOptions> & { readonly writeList?: boolean }>();
  if (options.writeList === true) return 'write-list';
  if (options.network === undefined) command.error(`error: say where: --network ${names}, or a file`);
  const chosen = [options.payer, options.middle, options.payee].some((kind) => kind !== undefined);
  if (chosen && options.payer === undefined && options.backend === undefined) command.error('error: --payer (or --backend) is missing');
  return options as ContractOptions;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 on.');
  return value;
}
