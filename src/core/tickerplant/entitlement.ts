import type { Grant } from '../ports/ledger.ts';

/** Whether a grant is good at a time. */
export function isLive(grant: Grant, now: number): boolean {
  return grant.until > now;
}

/** What grants cover at a time: table → symbol → the grant that lasts longest. */
export function covered(grants: readonly Grant[], now: number): ReadonlyMap<string, ReadonlyMap<string, Grant>> {
  const tables = new Map<string, Map<string, Grant>>();
  for (const grant of grants) {
    if (!isLive(grant, now)) continue;
    const symbols = tables.get(grant.table) ?? new Map<string, Grant>();
    tables.set(grant.table, symbols);
    for (const sym of grant.syms) {
      const other = symbols.get(sym);
      if (other === undefined || other.until < grant.until) symbols.set(sym, grant);
    }
  }
  return tables;
}

/**
 * The first sequence number of a symbol that grants cover without interruption up to now, in an epoch: a grant that was
 * renewed before its end goes on, one that had ended before the next began does not. A grant of an earlier epoch covers
 * this one from its first row.
 */
export function coveredFrom(grants: readonly Grant[], table: string, sym: string, epoch: number, now: number): number | undefined {
  const ofSymbol = grants.filter((grant) => grant.table === table && grant.syms.includes(sym));
  let from: number | undefined;
  let reachesBackTo = now;
  for (let rest = ofSymbol, joined = true; joined; ) {
    const isJoined = (grant: Grant) => isLive(grant, now) || (from !== undefined && grant.until >= reachesBackTo);
    const [joining, apart] = [rest.filter(isJoined), rest.filter((grant) => !isJoined(grant))];
    for (const grant of joining) {
      const first = grant.epoch === epoch ? (grant.next[sym] ?? 1) : 1;
      from = from === undefined ? first : Math.min(from, first);
      reachesBackTo = Math.min(reachesBackTo, grant.grantedAt);
    }
    joined = joining.length > 0;
    rest = apart;
  }
  return from;
}
