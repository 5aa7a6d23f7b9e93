/** Something that a ledger should not have. */
export interface LedgerViolation {
  /** Which check found it, in a word: `page`, `write-ahead-log`, `structure`, `reference`, or the name of an invariant. */
  readonly check: string;
  /** Of what: a quote's or subscription's id, a payment hash, a page. */
  readonly of: string;
  /** What is wrong with it. Holds no secret. */
  readonly message: string;
}

/** What {@link verifyLedger} has found. */
export interface LedgerReport {
  readonly path: string;
  readonly clean: boolean;
  readonly violations: readonly LedgerViolation[];
  /** What is no fault, but should be known. */
  readonly notes: readonly string[];
  readonly bytes: number;
  readonly pages: number;
  /** Whether every page could be compared with its checksum. */
  readonly sealed: boolean;
  /** The schema's version; undefined where it can't be read. */
  readonly version: number | undefined;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
}

/** What must have no row. A query answers what it is about (`of`) and, where it helps, a number or word (`detail`). */
export interface Invariant {
  readonly check: string;
  readonly sql: string;
  readonly message: string;
}
