import type { Grant } from '../ports/ledger.ts';
import { coveredFrom, isLive } from './entitlement.ts';
import type { GapEvent, ResumePosition } from './messages.ts';

/** What a symbol's delivery goes on from. */
export interface ResumePoint {
  /** The last number that the buyer has, or need not have. */
  readonly after: number;
  /** What it will not get. */
  readonly gaps: readonly GapEvent[];
}

/** What {@link resumePoint} is told. */
export interface ResumeQuestion {
  readonly table: string;
  readonly sym: string;
  readonly grants: readonly Grant[];
  readonly position: ResumePosition | undefined;
  /** The present epoch, and the number that the symbol's next row will have in it. */
  readonly epoch: number;
  readonly next: number;
  readonly now: number;
}

/**
 * Where a resumed symbol goes on: after the number that the buyer has, but not before what it paid for, and not beyond what
 * exists (a position that was made up must not skip rows to come). From another epoch: a gap, then the present one.
 */
export function resumePoint({ table, sym, grants, position, epoch, next, now }: ResumeQuestion): ResumePoint {
  const from = coveredFrom(grants, table, sym, epoch, now) ?? next;
  const had = position !== undefined && Object.hasOwn(position.seqs, sym) ? position.seqs[sym] : undefined;
  if (position === undefined || had === undefined) return { after: from - 1, gaps: lostEpochs(table, sym, grants, epoch, now) };
  if (position.epoch === epoch) return { after: Math.min(Math.max(had, from - 1), next - 1), gaps: [] };
  return { after: from - 1, gaps: [{ table, sym, epoch: position.epoch, from: had + 1, to: undefined, reason: 'epoch' }] };
}

/** Rows that were granted in an earlier epoch and never fetched can't be had any more. */
function lostEpochs(table: string, sym: string, grants: readonly Grant[], epoch: number, now: number): readonly GapEvent[] {
  return grants
    .filter((grant) => grant.table === table && grant.syms.includes(sym) && isLive(grant, now) && grant.epoch !== epoch)
    .map((grant) => ({ table, sym, epoch: grant.epoch, from: grant.next[sym] ?? 1, to: undefined, reason: 'epoch' }));
}
