/** "LTPo", SQLite's mark of whose file it is. */
export const APPLICATION_ID: number = 0x4c54506f;

/** The outbox's schema; the number of the last step is the version that this program writes. Never changed once released. */
export const SCHEMA: readonly string[] = [
  `
    -- One row: whose outbox it is, and how far the node has been followed.
    CREATE TABLE outbox (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      id TEXT NOT NULL,                -- drawn when it was made
      network TEXT,
      node_id TEXT,
      node_cursor TEXT,                -- up to where settlements are in it; the adapter's, opaque
      made_after TEXT,                 -- up to where the list of invoices has been read; the adapter's, opaque
      floor INTEGER NOT NULL,          -- events up to here are gone
      floor_mark TEXT NOT NULL
    ) STRICT;

    CREATE TABLE events (
      offset INTEGER PRIMARY KEY,
      mark TEXT NOT NULL,
      id TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      at INTEGER NOT NULL,
      invoice TEXT NOT NULL,
      node_cursor TEXT
    ) STRICT;

    -- Invoices that can still end unpaid, to be told of when they do.
    CREATE TABLE open_invoices (
      payment_hash TEXT PRIMARY KEY,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX open_invoices_end ON open_invoices (expires_at);

    -- Whoever is named in the config, and up to where they have acknowledged.
    CREATE TABLE consumers (
      name TEXT PRIMARY KEY,           -- with its kind: server:…, webhook:…
      kind TEXT NOT NULL CHECK (kind IN ('server', 'webhook')),
      offset INTEGER NOT NULL,
      mark TEXT NOT NULL,
      at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- What a webhook never took.
    CREATE TABLE dead_letters (
      number INTEGER PRIMARY KEY,
      webhook TEXT NOT NULL,
      offset INTEGER NOT NULL,
      event TEXT NOT NULL,
      reason TEXT NOT NULL,
      at INTEGER NOT NULL
    ) STRICT;

    -- Settlements in the order of first observation, for a node that has no order of its own.
    CREATE TABLE settlement_log (
      position INTEGER PRIMARY KEY,
      payment_hash TEXT NOT NULL UNIQUE,
      settlement TEXT NOT NULL
    ) STRICT;
    CREATE TABLE checkpoints (one INTEGER PRIMARY KEY CHECK (one = 1), checkpoint TEXT NOT NULL) STRICT;
  `,
];
