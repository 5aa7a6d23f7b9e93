/** Fields of a log line; no secrets, amounts as decimal strings. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logs, in pino's shape (fields first), so that a pino logger can be handed in as it is. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(bindings: LogFields): Logger;
}

/** Says nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
