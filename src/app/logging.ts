import pino from 'pino';
import type { Logger } from '../core/ports/logger.ts';
import type { Sections } from './config/schema.ts';

/** Nobody should hand these to a logger; should somebody, they are not written. */
const REDACTED = ['token', 'preimage', 'rootKey', 'macaroon', 'password', 'secret', 'authorization'];

/**
 * Logs to standard error: one JSON object a line, or for people where a terminal reads it (`format: auto`). Standard output
 * is left to what a command answers.
 */
export async function createLogger({ level, format }: Sections['log']): Promise<Logger> {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '***' },
  };
  if (format === 'json' || (format === 'auto' && !process.stderr.isTTY)) return pino(options, pino.destination({ dest: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(
    options,
    pretty({
      destination: 2,
      sync: true,
      colorize: process.stderr.isTTY && process.env['NO_COLOR'] === undefined,
      translateTime: 'SYS:HH:MM:ss.l',
    }),
  );
}

/** An error with a code says by itself what it is: its stack would only bury that. Any other is told with its stack. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string') return pino.stdSerializers.err(error);
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return { type: error.name, code, message: error.message, ...(cause === undefined || error.message.includes(cause) ? {} : { cause }) };
}
