import type { Command } from 'commander';
import { inSat, usualFeeCap } from '../../client/quote-check.ts';
import type { Msat } from '../../core/lightning/amount.ts';
import type { LightningBackend } from '../../core/lightning/backend.ts';
import { isLightningError } from '../../core/lightning/errors.ts';
import type { DecodedInvoice, PaymentOutcome } from '../../core/lightning/payment.ts';
import { parseSat, parseSeconds } from '../amounts.ts';
import { ExitCode, type ExitCodeValue } from '../exit-codes.ts';
import { withResources } from '../resources.ts';
import { stopOnSignals } from '../signals.ts';

interface PayOptions {
  readonly wallet: string;
  readonly maxFee?: Msat;
  readonly amount?: Msat;
  readonly timeout?: number;
  readonly state?: string;
  readonly json?: boolean;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** `tickerplant pay`: pay an invoice, once. */
export function registerPay(program: Command): void {
  program
    .command('pay')
    .description('pay a Lightning invoice; the same command again finds out how it went and does not pay twice')
    .argument('<invoice>', 'BOLT 11, with or without lightning: in front')
    .requiredOption('--wallet <config>', 'pay with the node of this file (`backend:` alone)')
    .option('--max-fee <sat>', 'the most that routing may cost (default: 1 % of the amount, at least 10)', parseSat)
    .option('--amount <sat>', 'for an invoice that leaves the amount to the payer', parseSat)
    .option('--timeout <seconds>', 'how long to wait for the outcome (default: 60)', parseSeconds)
    .option('--state <dir>', 'where payments are remembered (default: one place for all of this user’s commands)')
    .option('--json', 'the outcome as one JSON object on standard output, the preimage with it')
    .addHelpText('after', '\nExit codes: 0 settled · 1 failed, nothing was paid · 4 node away, nothing was sent · 5 in flight or unknown')
    .action(pay);
}

async function pay(text: string, options: PayOptions, command: Command): Promise<void> {
  const [{ openWallet }, { silentLogger }] = await Promise.all([import('../../app/wallet.ts'), import('../../core/ports/logger.ts')]);
  const paymentRequest = text
    .trim()
    .replace(/^lightning:/i, '')
    .toLowerCase();
  const signal = stopOnSignals(() => process.stderr.write('stopping; what the node was told already may still be paid\n'));
  process.exitCode = await withResources(async (opened) => {
    const { backend } = opened(await openWallet({ file: options.wallet, logger: silentLogger, stateDir: options.state }));
    const decoded = await backend.payments.decode(paymentRequest, { signal });
    const amountMsat = decoded.amountMsat ?? options.amount;
    if (amountMsat === undefined) command.error('error: the invoice leaves the amount to you: say it with --amount <sat>');
    if (decoded.amountMsat !== undefined && options.amount !== undefined) {
      command.error(`error: the invoice asks for ${inSat(decoded.amountMsat)} already, leave out --amount`);
    }
    const maxFeeMsat = options.maxFee ?? usualFeeCap(amountMsat);
    process.stderr.write(describe(decoded, amountMsat, maxFeeMsat));
    const outcome = await attempt(backend, signal, {
      paymentRequest,
      maxFeeMsat,
      timeoutMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
      ...(decoded.amountMsat === undefined ? { amountMsat } : {}),
    });
    process.stdout.write(options.json === true ? asJson(outcome) : forPeople(outcome));
    return signal.aborted && outcome.status !== 'settled' ? ExitCode.interrupted : exitCode(outcome);
  });
}

/** Pays; what was broken off on our side is not failed, but not known. */
async function attempt(
  backend: LightningBackend,
  signal: AbortSignal,
  request: Parameters<LightningBackend['payments']['pay']>[0],
): Promise<PaymentOutcome> {
  const { paymentHash } = await backend.payments.decode(request.paymentRequest, { signal });
  try {
    return await backend.payments.pay(request, { signal });
  } catch (error) {
    if (!isLightningError(error) || error.retry !== 'lookup-first') throw error;
    const detail = `${error.message}; the same command again finds out`;
    return { status: 'unknown', paymentHash, detail };
  }
}

function describe(decoded: DecodedInvoice, amountMsat: Msat, maxFeeMsat: Msat): string {
  const lines = [
    `paying ${inSat(amountMsat)} to ${decoded.payee} on ${decoded.network}, at most ${inSat(maxFeeMsat)} of fees`,
    `  for: ${(decoded.description ?? `a text with hash ${decoded.descriptionHash ?? 'unknown'}`).replaceAll(/\p{Cc}/gu, '\u{fffd}')}`,
    `  payment hash ${decoded.paymentHash}, expires ${new Date(decoded.expiresAt).toISOString()}`,
  ];
  return `${lines.join('\n')}\n`;
}

function exitCode(outcome: PaymentOutcome): ExitCodeValue {
  switch (outcome.status) {
    case 'settled':
      return ExitCode.ok;
    case 'failed':
      return ExitCode.failed;
    default:
      return ExitCode.outcomeUnknown;
  }
}

function asJson(outcome: PaymentOutcome): string {
  return `${JSON.stringify(outcome, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}\n`;
}

function forPeople(outcome: PaymentOutcome): string {
  switch (outcome.status) {
    case 'settled': {
      const routes = outcome.parts.map(({ amountMsat, hops }) => {
        const way = hops.map((hop) => `${hop.nodeId.slice(0, 12)}…${hop.channel === undefined ? '' : ` by ${hop.channel}`}`).join(' → ');
        return `  ${inSat(amountMsat)}${way === '' ? '' : ` over ${way}`}\n`;
      });
      return `settled: ${inSat(outcome.amountMsat)}, fee ${inSat(outcome.feeMsat)}\n${routes.join('')}`;
    }
    case 'failed':
      return `failed, nothing was paid: ${outcome.reason}, ${outcome.detail}\n`;
    case 'pending':
      return 'in flight: the same command again finds out how it went, and does not pay twice\n';
    case 'unknown':
      return `not known: ${outcome.detail}\n`;
  }
}
