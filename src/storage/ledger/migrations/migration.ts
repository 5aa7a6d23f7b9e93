/** One step of the ledger's schema; `version` is the SQLite `user_version` after it. Never changed once released. */
export interface Migration {
  readonly version: number;
  readonly sql: string;
}
