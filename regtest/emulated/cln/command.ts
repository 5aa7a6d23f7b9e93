import type { Params } from './params.ts';

/** What a command may do beside reading its parameters. */
export interface CallContext {
  /** Aborted when the connection that the call came over has ended. */
  readonly signal: AbortSignal;
}

/** One JSON-RPC method. What it answers goes over the wire as JSON, bigints as numbers. */
export interface Command {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly run: (params: Params, call: CallContext) => unknown;
}

/** Methods by name. */
export type Commands = Readonly<Record<string, Command>>;

/** Names parameters as lightningd's help does: `label`, and `[expiry]` for what may be left out. */
export function command(usage: string, run: Command['run']): Command {
  const names = usage.split(' ').filter((name) => name !== '');
  const optional = names.filter((name) => name.startsWith('['));
  return { required: names.filter((name) => !name.startsWith('[')), optional: optional.map((name) => name.slice(1, -1)), run };
}
