import type { Command } from 'commander';
import type { BackendReport } from '../../app/backend-report.ts';
import { ExitCode } from '../exit-codes.ts';
import { configOption, jsonOption } from '../options.ts';

interface BackendOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly timeout: string;
}

/** `tickerplant backend info`. */
export function registerBackend(program: Command): void {
  const backend = program.command('backend').description('look at the Lightning node of a config or wallet');
  backend
    .command('info')
    .description('which node it is, what it can do and what the credential may see')
    .addOption(configOption("a server's config or a wallet (default: as for start)"))
    .option('--timeout <seconds>', 'how long to wait for the node', '10')
    .addOption(jsonOption())
    .action(info);
}

async function info({ config, json, timeout }: BackendOptions): Promise<void> {
  const [{ findConfigFile }, { openWallet }, { reportBackend }, { silentLogger }] = await Promise.all([
    import('../../app/config/source.ts'),
    import('../../app/wallet.ts'),
    import('../../app/backend-report.ts'),
    import('../../core/ports/logger.ts'),
  ]);
  const wallet = await openWallet({ file: config ?? findConfigFile(process.cwd()), anyConfig: true, logger: silentLogger });
  let report: BackendReport;
  try {
    report = await reportBackend(wallet.backend, AbortSignal.timeout(Math.max(1, Number(timeout) || 10) * 1000));
  } finally {
    await wallet[Symbol.asyncDispose]();
  }
  process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : forPeople(report));
  if (!report.reachable) process.exitCode = ExitCode.unavailable;
}

function forPeople({ kind, node, identity, channels, wallet, capabilities, problems }: BackendReport): string {
  const lines: [string, string][] = [['backend', kind]];
  const id = node ?? identity;
  if (id !== undefined) lines.push(['node', id.nodeId], ['network', id.network]);
  if (node !== undefined) {
    lines.push(
      ['alias', node.alias],
      ['version', node.version],
      ['height', `${node.blockHeight}${node.synced ? ', synced' : ', NOT synced'}`],
    );
    lines.push(['uris', node.uris.join(' ') || 'none']);
  }
  if (channels !== undefined) lines.push(['can send', `${channels.outboundMsat} msat`], ['can receive', `${channels.inboundMsat} msat`]);
  if (wallet !== undefined) lines.push(['on chain', `${wallet.confirmedMsat} msat, ${wallet.unconfirmedMsat} unconfirmed`]);
  const can = Object.entries(capabilities).filter(([, value]) => value === true);
  const not = Object.entries(capabilities).filter(([, value]) => value === false);
  lines.push(['can', can.map(([name]) => name).join(', ')], ["can't", not.map(([name]) => name).join(', ') || 'nothing of what we know']);
  lines.push(['fee cap step', `${capabilities.feeCapStepMsat} msat`]);
  for (const problem of problems) lines.push(['note', problem]);
  return `${lines.map(([name, value]) => `${name.padEnd(13)} ${value}`).join('\n')}\n`;
}
