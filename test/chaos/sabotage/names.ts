/** A fault that is built into the product for a run, to see that the run finds it. */
export interface Sabotage {
  readonly description: string;
  /** Modules that are loaded into the server's process before it begins, beside this one. */
  readonly server?: string;
  /** Likewise into each buyer's process. */
  readonly buyer?: string;
  /** Likewise into the listener's, which `--processes server,listener` has. */
  readonly listener?: string;
}

/**
 * The faults by their names. They live in modules of this folder that are preloaded with Node's `--import`: nothing of the
 * product knows of them, so that nobody can switch one on where it is installed.
 */
export const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'cursor-before-effect': {
    description: 'the node’s cursor is committed before what the settlement causes',
    server: './cursor-before-effect.ts',
  },
  'drop-settlement': { description: 'one settlement in four is skipped', server: './drop-settlement.ts' },
  'repeat-row': {
    description: 'rows are handed over twice, and the subscriber takes whatever comes',
    server: './repeat-row-server.ts',
    buyer: './repeat-row-buyer.ts',
  },
  'double-pay': { description: 'a payment whose outcome is not known after a crash is made anew', buyer: './double-pay.ts' },
  'drop-event': {
    description: 'the listener skips one settlement in four (with --processes server,listener)',
    listener: './drop-event.ts',
  },
  'free-rows': { description: 'rows flow with the quote, paid or not', server: './free-rows.ts' },
};
