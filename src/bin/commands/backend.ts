import { type Command, Option } from 'commander';
import type { BackendReport } from '../../app/backend-report.ts';
import type { Check } from '../../app/doctor/diagnosis.ts';
import { parseSeconds } from '../amounts.ts';
import { diagnosisForPeople, exitCodeOfDiagnosis } from '../doctor-report.ts';
import { ExitCode } from '../exit-codes.ts';
import { configOption, jsonOption } from '../options.ts';
import { withResources } from '../resources.ts';
import { stopOnSignals } from '../signals.ts';

interface BackendOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly timeout: string;
}

interface DoctorOptions {
  readonly config?: string;
  readonly wallet?: string;
  readonly timeout: number;
  readonly wait: number;
  readonly json?: boolean;
}

/** `tickerplant backend info` and `backend doctor`. */
export function registerBackend(program: Command): void {
  const backend = program.command('backend').description('look at the Lightning node of a config or wallet');
  backend
    .command('info')
    .description('which node it is, what it can do and what the credential may see')
    .addOption(configOption("a server's config or a wallet (default: as for start)"))
    .option('--timeout <seconds>', 'how long to wait for the node', '10')
    .addOption(jsonOption())
    .action(info);
  backend
    .command('doctor')
    .description('what is wrong with the node for selling (for paying, with --wallet), and what to do about it')
    .addOption(configOption("a server's config or a wallet (default: as for start)"))
    .addOption(new Option('-w, --wallet <file>', 'look at the node that pays').conflicts('config'))
    .addOption(new Option('--timeout <seconds>', 'how long to wait for answers').argParser(parseSeconds).default(20_000, '20'))
    .addOption(new Option('--wait <seconds>', 'how long to wait for a node that starts or syncs').argParser(parseSeconds).default(0, '0'))
    .addOption(jsonOption())
    .addHelpText('after', '\nExit codes: 0 usable · 1 not usable · 2 the config is wrong · 4 not reachable')
    .action(doctor);
}

async function doctor({ config, wallet, timeout, wait, json }: DoctorOptions): Promise<void> {
  const [
    { findConfigFile },
    { openToLook, dearestSymbol },
    { diagnose },
    { checkListener, listenerOf },
    { silentLogger },
    { systemClock, systemRandom },
  ] = await Promise.all([
    import('../../app/config/source.ts'),
    import('../../app/doctor/open-backend.ts'),
    import('../../app/doctor/diagnose.ts'),
    import('../../app/doctor/listener-check.ts'),
    import('../../core/ports/logger.ts'),
    import('../../app/system.ts'),
  ]);
  const file = wallet ?? config ?? findConfigFile(process.cwd());
  const clock = systemClock;
  const signal = stopOnSignals(() => process.stderr.write('stopping\n'));
  const listener = wallet === undefined ? await listenerOf(file) : undefined;
  process.exitCode = await withResources(async (opened) => {
    const looked = opened(await openToLook(file, { clock, random: systemRandom, logger: silentLogger }));
    const exposed = wallet === undefined ? await exposureChecks(file) : [];
    const diagnosis = await diagnose({
      ...looked,
      purpose: wallet === undefined ? 'sell' : 'pay',
      clock,
      signal,
      timeoutMs: timeout,
      priceMsat: wallet === undefined ? await dearestSymbol(file) : undefined,
      ...(listener === undefined ? {} : { alsoCheck: (observed, late) => checkListener(listener, observed, clock, late) }),
      ...(wait === 0 ? {} : { waitUntil: clock.now() + wait }),
      further: exposed,
      onWaiting: (why) => process.stderr.write(`waiting: ${why}\n`),
    });
    process.stdout.write(json === true ? `${JSON.stringify(diagnosis)}\n` : diagnosisForPeople(diagnosis));
    return signal.aborted ? ExitCode.interrupted : exitCodeOfDiagnosis(diagnosis);
  });
}

/** What the config lays open; nothing where it is not a server's, or can't be read as one: that is told elsewhere. */
async function exposureChecks(file: string): Promise<readonly Check[]> {
  const [{ loadConfig }, { exposuresOf, openFiles }] = await Promise.all([
    import('../../app/config/load.ts'),
    import('../../app/exposure.ts'),
  ]);
  const config = await loadConfig({ file, forcePublic: true }).catch(() => undefined);
  if (config === undefined) return [];
  const found = [...exposuresOf(config), ...(await openFiles(config))];
  if (found.length === 0) return [{ name: 'exposure', status: 'ok', detail: 'nothing is laid open that need not be' }];
  return found.map(({ path, message, advice }) => ({ name: 'exposure', status: 'warn', detail: `${path}: ${message}`, advice }));
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
