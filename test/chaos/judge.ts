import type { Buyer } from './buyer.ts';
import { type Findings, NOTHING, sum, type Tally } from './facts.ts';
import type { ListedPayment } from './networks/network.ts';
import { checkRows, type WrittenRow } from './rows.ts';

/** What is held against each other. */
export interface Evidence {
  readonly buyers: readonly Buyer[];
  /** Settled payments of the payers' nodes, by payment hash, each with how often it is listed. */
  readonly settled: ReadonlyMap<string, number>;
  /** The last number that each symbol had when everything was up again. */
  readonly mark: ReadonlyMap<string, number>;
  /** Takes in where each buyer's rows begin, to be held against the seller's books once these can be read. */
  readonly beginnings: Beginning[];
  /** What every number was when it was first seen, to see that it is never another row. */
  readonly contents: Contents;
}

/** Where the rows of a subscription begin in what its buyer wrote. */
export interface Beginning {
  readonly buyer: string;
  readonly subscription: string;
  readonly lowest: ReadonlyMap<string, number>;
}

/** Settled payments by their hash. */
export function settledOf(payments: readonly ListedPayment[]): ReadonlyMap<string, number> {
  const settled = new Map<string, number>();
  for (const { paymentHash, settled: isSettled } of payments) {
    if (isSettled) settled.set(paymentHash, (settled.get(paymentHash) ?? 0) + 1);
  }
  return settled;
}

/** Judges buyers who are at the end of their lives, or at rest: everything they have paid for must have come. */
export function judge(evidence: Evidence): Findings {
  let tally: Tally = NOTHING;
  const words: string[] = [];
  for (const buyer of evidence.buyers) {
    const found = judgeBuyer(buyer, evidence);
    tally = sum(tally, found.tally);
    words.push(...found.words.map((text) => `${buyer.name}: ${text}`));
  }
  return { tally, words };
}

function judgeBuyer(buyer: Buyer, { settled, mark, beginnings, contents }: Evidence): Findings {
  buyer.readState();
  const paid = [...buyer.hashes].reduce((count, hash) => count + (settled.get(hash) ?? 0), 0);
  const written = buyer.written();
  const activated = buyer.activated || written.rows.length > 0;
  if (paid === 0) {
    const words = activated ? [`was given ${written.rows.length} rows and has paid nothing`] : [];
    return { tally: { activatedNotPaid: activated ? 1 : 0, rowsDelivered: written.rows.length }, words };
  }
  const words = paid > 1 ? [`has paid ${paid} times for one subscription`] : [];
  if (!activated) return { tally: { paidTwice: paid - 1, paidNotActivated: 1 }, words: [...words, 'has paid and was given nothing'] };
  const lowest = lowestOf(written.rows);
  // Killed before it could tell where its grant begins: the books will tell.
  const first = buyer.first.size > 0 ? buyer.first : lowest;
  if (buyer.subscription !== undefined) beginnings.push({ buyer: buyer.name, subscription: buyer.subscription, lowest });
  const due = new Map([...mark].filter(([sym]) => buyer.syms.includes(sym)));
  const rows = checkRows(written, { first, mark: due, explained: [] });
  const changed = contents.changed(written.rows);
  words.push(...rows.words, ...changed.map((line) => `a number that was another row before: ${line}`));
  words.push(...buyer.gaps.map(({ sym, from, to, reason }) => `was told of a gap, ${sym} ${from} to ${to ?? 'the end'} (${reason})`));
  const tally = sum(sum(NOTHING, rows.tally), { paidTwice: paid - 1, rowsRepeated: changed.length });
  return { tally, words };
}

/** Holds the first row of each buyer against the first number of the grant, as the seller's books have it. */
export function judgeBeginnings(
  beginnings: readonly Beginning[],
  grantedFrom: (subscription: string) => ReadonlyMap<string, number>,
): Findings {
  let tally: Tally = NOTHING;
  const words: string[] = [];
  for (const { buyer, subscription, lowest } of beginnings) {
    const granted = grantedFrom(subscription);
    for (const [sym, seq] of lowest) {
      const first = granted.get(sym);
      if (first === seq) continue;
      words.push(`${buyer}: ${sym} begins with ${seq}, the grant with ${first ?? 'nothing'}`);
      tally = sum(tally, first !== undefined && seq > first ? { rowsLost: seq - first } : { activatedNotPaid: 1 });
    }
  }
  return { tally, words };
}

function lowestOf(rows: readonly WrittenRow[]): ReadonlyMap<string, number> {
  const lowest = new Map<string, number>();
  for (const { sym, seq } of rows) lowest.set(sym, Math.min(seq, lowest.get(sym) ?? seq));
  return lowest;
}

const KEPT = 400_000;

/** What was written under each number, by whomever: the same number is the same row, always and for everybody. */
export class Contents {
  readonly #lines = new Map<string, string>();

  /** Lines whose number was seen with another content. */
  changed(rows: readonly WrittenRow[]): readonly string[] {
    const changed: string[] = [];
    for (const { sym, epoch, seq, line } of rows) {
      const key = `${sym}/${epoch}/${seq}`;
      const known = this.#lines.get(key);
      if (known === undefined) this.#lines.set(key, line);
      else if (known !== line) changed.push(line);
    }
    for (const key of this.#lines.keys()) {
      if (this.#lines.size <= KEPT) break;
      this.#lines.delete(key);
    }
    return changed;
  }
}
