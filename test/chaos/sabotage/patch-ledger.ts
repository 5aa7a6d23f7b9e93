import type { ApplySettlement } from '../../../src/core/ports/ledger.ts';
import { LedgerThread } from '../../../src/storage/ledger/ledger-thread.ts';

/** A command to the ledger's thread, whichever it is. */
export type AnyCall = (port: string, command: string, ...args: readonly unknown[]) => Promise<unknown>;

/** Puts something else in the place of applying a settlement. */
export function patchLedger(apply: (call: AnyCall, command: ApplySettlement) => Promise<unknown>): void {
  const prototype = LedgerThread.prototype as unknown as { call: AnyCall };
  const original = prototype.call;
  prototype.call = function (this: unknown, port, command, ...args) {
    const call: AnyCall = (...parts) => original.apply(this, parts);
    if (command !== 'applySettlement') return call(port, command, ...args);
    return apply(call, args[0] as ApplySettlement);
  };
}
