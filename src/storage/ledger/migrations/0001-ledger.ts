import type { Migration } from './migration.ts';

/** The first ledger: quotes, settlements, subscriptions, grants, credit, payment intents, settlement log. */
export const migration0001: Migration = {
  version: 1,
  sql: `
    -- Everything that a node numbers or names is kept per (network, node public key).
    CREATE TABLE nodes (
      number INTEGER PRIMARY KEY,
      network TEXT NOT NULL,
      node_id TEXT NOT NULL,
      cursor TEXT,                     -- up to where settlements have had their effect; the adapter's, opaque
      checkpoint TEXT,                 -- up to where the adapter has compared with the node (settlement log); opaque
      UNIQUE (network, node_id)
    ) STRICT;

    CREATE TABLE subscriptions (
      id TEXT PRIMARY KEY,
      token_id TEXT NOT NULL UNIQUE,
      root_key TEXT NOT NULL,          -- SECRET: whoever has it can mint this subscription's tokens
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE quotes (
      id TEXT PRIMARY KEY,
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      node INTEGER NOT NULL REFERENCES nodes (number),
      state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'expired', 'withdrawn')),
      key TEXT,                        -- digest of the idempotency key and its scope
      request TEXT,                    -- digest of what was asked under that key
      items TEXT NOT NULL,             -- [{"table":…,"syms":[…]},…]
      amount_msat INTEGER NOT NULL CHECK (amount_msat >= 0),
      payment_hash TEXT NOT NULL,
      payment_request TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      lasts_ms INTEGER NOT NULL,
      invoice_closed INTEGER NOT NULL DEFAULT 0 CHECK (invoice_closed IN (0, 1)),
      UNIQUE (node, payment_hash)
    ) STRICT;
    -- Settled ones are not in it: an expired quote that is paid late keeps its key beside a newer open one.
    CREATE UNIQUE INDEX quotes_open_key ON quotes (key) WHERE key IS NOT NULL AND state = 'open';
    CREATE INDEX quotes_key ON quotes (key, created_at) WHERE key IS NOT NULL AND state IN ('open', 'settled');
    CREATE INDEX quotes_open ON quotes (node, expires_at) WHERE state = 'open';
    CREATE INDEX quotes_to_cancel ON quotes (node) WHERE state IN ('expired', 'withdrawn') AND invoice_closed = 0;
    CREATE INDEX quotes_settled ON quotes (subscription) WHERE state = 'settled';

    CREATE TABLE settlements (
      node INTEGER NOT NULL REFERENCES nodes (number),
      payment_hash TEXT NOT NULL,
      quote TEXT NOT NULL UNIQUE REFERENCES quotes (id),
      effect TEXT NOT NULL CHECK (effect IN ('granted', 'underpaid')),
      received_msat INTEGER NOT NULL CHECK (received_msat >= 0),
      late INTEGER NOT NULL CHECK (late IN (0, 1)),
      settled_at INTEGER NOT NULL,
      applied_at INTEGER NOT NULL,
      PRIMARY KEY (node, payment_hash)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE grants (
      id TEXT PRIMARY KEY,
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      quote TEXT NOT NULL REFERENCES settlements (quote),   -- no grant without its settlement
      position INTEGER NOT NULL,       -- which of the quote's items
      table_name TEXT NOT NULL,
      syms TEXT NOT NULL,              -- ["AAPL",…]
      granted_at INTEGER NOT NULL,
      until INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      next TEXT NOT NULL,              -- {"AAPL":17,…}: the first row of each that is granted
      UNIQUE (quote, position)
    ) STRICT;
    CREATE INDEX grants_subscription ON grants (subscription);

    CREATE TABLE credit_entries (
      number INTEGER PRIMARY KEY,
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      quote TEXT NOT NULL REFERENCES quotes (id),
      reason TEXT NOT NULL CHECK (reason IN ('overpaid', 'underpaid', 'duplicate')),
      msat INTEGER NOT NULL CHECK (msat >= 0),
      at INTEGER NOT NULL,
      cursor TEXT NOT NULL             -- of the settlement that it comes from: tells a second duplicate from a repeated one
    ) STRICT;
    CREATE INDEX credit_entries_subscription ON credit_entries (subscription);
    CREATE UNIQUE INDEX credit_entries_once ON credit_entries (quote, reason) WHERE reason <> 'duplicate';
    CREATE UNIQUE INDEX credit_entries_duplicate ON credit_entries (quote, cursor) WHERE reason = 'duplicate';

    CREATE TABLE unsubscribed (
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      table_name TEXT NOT NULL,
      syms TEXT NOT NULL,
      PRIMARY KEY (subscription, table_name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE payment_intents (
      node INTEGER NOT NULL REFERENCES nodes (number),
      payment_hash TEXT NOT NULL,
      payment_request TEXT,
      keysend_key TEXT,
      keysend_preimage TEXT,           -- SECRET
      amount_msat INTEGER NOT NULL,
      max_fee_msat INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      attempts INTEGER NOT NULL CHECK (attempts >= 1),
      status TEXT CHECK (status IN ('settled', 'failed', 'pending', 'unknown')),
      outcome TEXT,                    -- JSON, with the preimage where settled: SECRET
      PRIMARY KEY (node, payment_hash),
      CHECK ((status IS NULL) = (outcome IS NULL)),
      CHECK ((keysend_key IS NULL) = (keysend_preimage IS NULL))
    ) STRICT;
    CREATE UNIQUE INDEX payment_intents_keysend ON payment_intents (node, keysend_key) WHERE keysend_key IS NOT NULL;

    CREATE TABLE settlement_log (
      node INTEGER NOT NULL REFERENCES nodes (number),
      position INTEGER NOT NULL CHECK (position >= 1),
      payment_hash TEXT NOT NULL,
      amount_msat INTEGER,
      received_msat INTEGER NOT NULL,
      settled_at INTEGER NOT NULL,
      expires_at INTEGER,
      label TEXT,
      PRIMARY KEY (node, position),
      UNIQUE (node, payment_hash)
    ) STRICT;

    -- What records money is written once. These catch our own mistakes, not an attacker who has the file.
    CREATE TRIGGER grants_kept BEFORE DELETE ON grants BEGIN SELECT raise(ABORT, 'a grant is immutable'); END;
    CREATE TRIGGER grants_immutable BEFORE UPDATE ON grants BEGIN SELECT raise(ABORT, 'a grant is immutable'); END;
    CREATE TRIGGER settlements_kept BEFORE DELETE ON settlements BEGIN SELECT raise(ABORT, 'a settlement is immutable'); END;
    CREATE TRIGGER settlements_immutable BEFORE UPDATE ON settlements BEGIN SELECT raise(ABORT, 'a settlement is immutable'); END;
    CREATE TRIGGER credit_kept BEFORE DELETE ON credit_entries BEGIN SELECT raise(ABORT, 'credit entries are append-only'); END;
    CREATE TRIGGER credit_immutable BEFORE UPDATE ON credit_entries BEGIN SELECT raise(ABORT, 'credit entries are append-only'); END;
    CREATE TRIGGER settled_quote_stays BEFORE UPDATE OF state ON quotes WHEN OLD.state = 'settled'
      BEGIN SELECT raise(ABORT, 'a settled quote stays settled'); END;
  `,
};
