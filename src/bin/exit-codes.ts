import { SubscriberError, type SubscriberErrorCode } from '../client/errors.ts';
import { LightningError, type LightningErrorCode } from '../core/lightning/errors.ts';

/** What the `tickerplant` command's exit codes mean; the same for every subcommand, and part of its interface. */
export const ExitCode = {
  /** It did what was asked; a subscription that ran out; a reader of standard output that went away (`| head`). */
  ok: 0,
  /** It failed: a payment that is known to have failed, a refusal, a broken file or disk. */
  failed: 1,
  /** The command line or a config file can't be meant; nothing was tried. */
  usage: 2,
  /** It would have cost more than the budget; nothing was paid. */
  overBudget: 3,
  /** A server or node is away; nothing is in flight, and the same command may be given again. */
  unavailable: 4,
  /** A payment is in flight, or it can't be told whether it is. The same command again finds out; it does not pay twice. */
  outcomeUnknown: 5,
  /** Ctrl-C, as shells count it (128 + SIGINT). What was begun is stored, and the same command goes on. */
  interrupted: 130,
} as const;

/** One of {@link ExitCode}'s values. */
export type ExitCodeValue = (typeof ExitCode)[keyof typeof ExitCode];

const BY_SUBSCRIBER_CODE: Readonly<Record<SubscriberErrorCode, ExitCodeValue>> = {
  BUDGET: ExitCode.overBudget,
  BAD_QUOTE: ExitCode.failed,
  PAYMENT_FAILED: ExitCode.failed,
  WALLET: ExitCode.failed,
  WRONG_WALLET: ExitCode.usage,
  REFUSED: ExitCode.failed,
  SUPERSEDED: ExitCode.failed,
  UNAVAILABLE: ExitCode.unavailable,
  PROTOCOL: ExitCode.failed,
  STATE_LOCKED: ExitCode.usage,
  STATE_CORRUPT: ExitCode.failed,
  STATE_MISMATCH: ExitCode.usage,
  STATE_IO: ExitCode.failed,
};

const BY_LIGHTNING_CODE: Readonly<Record<LightningErrorCode, ExitCodeValue>> = {
  UNSUPPORTED: ExitCode.usage,
  UNAUTHENTICATED: ExitCode.usage,
  UNAVAILABLE: ExitCode.unavailable,
  NOT_SYNCED: ExitCode.unavailable,
  WRONG_NETWORK: ExitCode.usage,
  NOT_FOUND: ExitCode.failed,
  ALREADY_EXISTS: ExitCode.failed,
  INVALID_ARGUMENT: ExitCode.usage,
  INSUFFICIENT_FUNDS: ExitCode.failed,
  CONFLICT: ExitCode.failed,
  REJECTED: ExitCode.failed,
  TIMEOUT: ExitCode.outcomeUnknown,
  CONNECTION_LOST: ExitCode.outcomeUnknown,
  ABORTED: ExitCode.interrupted,
  PROTOCOL: ExitCode.outcomeUnknown,
  INTERNAL: ExitCode.outcomeUnknown,
};

/** The exit code of something thrown by the subscriber or by a Lightning backend; {@link ExitCode.failed} for anything else. */
export function exitCodeOf(error: unknown): ExitCodeValue {
  if (error instanceof SubscriberError) return BY_SUBSCRIBER_CODE[error.code];
  if (error instanceof LightningError) return BY_LIGHTNING_CODE[error.code];
  return ExitCode.failed;
}
