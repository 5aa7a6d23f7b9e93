import type { Migration } from '../ledger/migrations/migration.ts';

/** Every step of the store's schema, in order. Never changed once released. */
export const PURCHASE_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
    -- These three are the ledger's, for the node's adapter.
    CREATE TABLE nodes (
      number INTEGER PRIMARY KEY,
      network TEXT NOT NULL,
      node_id TEXT NOT NULL,
      cursor TEXT,                     -- up to where settlements have had their effect; the adapter's, opaque
      checkpoint TEXT,                 -- up to where the adapter has compared with the node (settlement log); opaque
      UNIQUE (network, node_id)
    ) STRICT;
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

    CREATE TABLE purchases (
      id TEXT PRIMARY KEY,
      link_digest TEXT NOT NULL UNIQUE, -- SHA-256: whoever reads this file can not fetch what others bought
      root_key TEXT NOT NULL,           -- SECRET: signs the purchase's L402 token, which is worth nothing without the preimage
      node INTEGER NOT NULL REFERENCES nodes (number),
      state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'expired')),
      item TEXT NOT NULL,
      title TEXT NOT NULL,
      snapshot TEXT NOT NULL,           -- what the item's source needs to deliver just this
      amount_msat INTEGER NOT NULL CHECK (amount_msat > 0),
      payment_hash TEXT NOT NULL,
      payment_request TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      invoice_closed INTEGER NOT NULL DEFAULT 0 CHECK (invoice_closed IN (0, 1)),
      deliveries INTEGER NOT NULL CHECK (deliveries >= 1),
      delivered INTEGER NOT NULL DEFAULT 0 CHECK (delivered >= 0),
      broken_off_bytes INTEGER NOT NULL DEFAULT 0,
      received_msat INTEGER,
      settled_at INTEGER,
      late INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),
      last_delivered_at INTEGER,
      refunded_at INTEGER,
      UNIQUE (node, payment_hash),
      CHECK (state <> 'settled' OR received_msat >= amount_msat),
      CHECK (delivered = 0 OR state = 'settled')
    ) STRICT;
    CREATE INDEX purchases_open ON purchases (node, expires_at) WHERE state = 'open';
    CREATE INDEX purchases_to_cancel ON purchases (node) WHERE state = 'expired' AND invoice_closed = 0;
    CREATE INDEX purchases_to_prune ON purchases (node, expires_at) WHERE state = 'expired' AND received_msat IS NULL;
    CREATE INDEX purchases_created ON purchases (created_at);

    CREATE TABLE refund_notes (
      id TEXT PRIMARY KEY,
      purchase TEXT NOT NULL REFERENCES purchases (id),
      msat INTEGER NOT NULL CHECK (msat > 0),
      reason TEXT NOT NULL CHECK (reason IN ('overpaid', 'underpaid', 'duplicate', 'undeliverable')),
      noted_at INTEGER NOT NULL,
      done_at INTEGER
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE answers (
      purchase TEXT PRIMARY KEY REFERENCES purchases (id),
      head TEXT NOT NULL,
      body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- What records money is written once. These catch our own mistakes, not an attacker who has the file.
    CREATE TRIGGER sold_stays BEFORE UPDATE OF state ON purchases WHEN OLD.state = 'settled'
      BEGIN SELECT raise(ABORT, 'a paid purchase stays paid'); END;
    CREATE TRIGGER sold_kept BEFORE DELETE ON purchases WHEN OLD.received_msat IS NOT NULL
      BEGIN SELECT raise(ABORT, 'a purchase that money came for is kept'); END;
  `,
  },
];
