import type { Grant } from '../ports/ledger.ts';

/** When a grant's rows stop, milliseconds since 1970: at what it was paid until, and where the terms give a grace, so much later. */
export function endsAt(grant: Pick<Grant, 'terms' | 'until'>): number {
  return grant.terms.kind === 'time' ? grant.until + grant.terms.graceMs : grant.until;
}

/** Whether a grant is good at a time, its grace included. */
export function isLive(grant: Grant, now: number): boolean {
  return endsAt(grant) > now;
}

/** Whether a grant's rows are paid one by one. */
export function isMetered(grant: Pick<Grant, 'terms'>): boolean {
  return grant.terms.kind === 'tick';
}

/**
 * What grants cover at a time: table → symbol → the grant that counts. That is the one that lasts longest; but one whose rows are paid already
 * comes before one whose rows are paid one by one: nobody pays twice for a row.
 */
export function covered(grants: readonly Grant[], now: number): ReadonlyMap<string, ReadonlyMap<string, Grant>> {
  const tables = new Map<string, Map<string, Grant>>();
  for (const grant of grants) {
    if (!isLive(grant, now)) continue;
    const symbols = tables.get(grant.table) ?? new Map<string, Grant>();
    tables.set(grant.table, symbols);
    for (const sym of grant.syms) {
      const other = symbols.get(sym);
      if (other === undefined || comesBefore(grant, other)) symbols.set(sym, grant);
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
    const isJoined = (grant: Grant) => isLive(grant, now) || (from !== undefined && endsAt(grant) >= reachesBackTo);
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

function comesBefore(grant: Grant, other: Grant): boolean {
  if (isMetered(grant) !== isMetered(other)) return !isMetered(grant);
  return endsAt(grant) > endsAt(other);
}
