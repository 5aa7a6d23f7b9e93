/** What a run has counted; the last line of its output. */
export interface Tally {
  readonly kills: number;
  /** Settled payments, as the payers' nodes list them. */
  readonly paid: number;
  /** Settled payments of a buyer who was never given anything, though time was given. */
  readonly paidNotActivated: number;
  /** Buyers who were given something without a settled payment, or before what they had paid for. */
  readonly activatedNotPaid: number;
  /** Settled payments beyond the one that a buyer wanted. */
  readonly paidTwice: number;
  /** Rows that buyers' processes wrote. */
  readonly rowsDelivered: number;
  /** Numbers since the activation that are missing in what a buyer's process wrote. */
  readonly rowsLost: number;
  /** Numbers that stand there more than once, or out of order. */
  readonly rowsRepeated: number;
}

export const NOTHING: Tally = {
  kills: 0,
  paid: 0,
  paidNotActivated: 0,
  activatedNotPaid: 0,
  paidTwice: 0,
  rowsDelivered: 0,
  rowsLost: 0,
  rowsRepeated: 0,
};

/** What must be zero. */
const VIOLATIONS: readonly (keyof Tally)[] = ['paidNotActivated', 'activatedNotPaid', 'paidTwice', 'rowsLost', 'rowsRepeated'];

export function sum(one: Tally, other: Partial<Tally>): Tally {
  const added: Record<keyof Tally, number> = { ...one };
  for (const [key, value] of Object.entries(other)) added[key as keyof Tally] += value;
  return added;
}

/** Whether nothing is violated. */
export function isClean(tally: Tally): boolean {
  return VIOLATIONS.every((key) => tally[key] === 0);
}

/** Tallies with what they were counted from, in words. */
export interface Findings {
  readonly tally: Partial<Tally>;
  readonly words: readonly string[];
}
