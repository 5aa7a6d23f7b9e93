import { ConfigError } from '../app/config/errors.ts';
import { JournalError } from '../core/ports/journal.ts';
import { LedgerError } from '../core/ports/ledger.ts';
import { ExitCode, type ExitCodeValue, exitCodeOf } from './exit-codes.ts';

/** Errors that say by themselves what to do: no stack trace. */
const SPEAKING = new Set([
  'ConfigError',
  'LedgerError',
  'JournalError',
  'ListenError',
  'ListenerError',
  'TlsError',
  'FeedError',
  'LightningError',
  'SubscriberError',
  'TickerplantError',
]);

/** Tells a person on standard error what went wrong; answers the exit code. */
export async function reportFailure(error: unknown): Promise<ExitCodeValue> {
  const speaking = error instanceof Error && SPEAKING.has(error.name);
  const text = error instanceof Error ? (speaking ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`tickerplant: ${text}${hint(error)}\n`);
  return error instanceof ConfigError ? ExitCode.usage : exitCodeOf(error);
}

function hint(error: unknown): string {
  if (error instanceof LedgerError && error.code === 'LOCKED')
    return '\n  Is the server running already? End it, or give this one a ledger of its own: ledger.path';
  if (error instanceof JournalError && error.code === 'LOCKED')
    return '\n  Is the server running already? End it, or give this one a journal of its own: journal.dir';
  if ((error instanceof LedgerError || error instanceof JournalError) && error.code === 'FULL')
    return '\n  Make room on the disk and start again; nothing that was paid is lost.';
  return '';
}
