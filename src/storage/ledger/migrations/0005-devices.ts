import type { Migration } from './migration.ts';

/** Devices, the invoices that were made for them, and their payments. */
export const migration0005: Migration = {
  version: 5,
  sql: `
    CREATE TABLE devices (
      number INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      root_key TEXT NOT NULL,          -- SECRET: whoever has it can mint this device's tokens
      created_at INTEGER NOT NULL,
      revoked_at INTEGER,
      -- What it has done in all its life; what was never paid is forgotten one day, but counted.
      invoices INTEGER NOT NULL DEFAULT 0 CHECK (invoices >= 0),
      settled INTEGER NOT NULL DEFAULT 0 CHECK (settled >= 0),
      received_msat INTEGER NOT NULL DEFAULT 0 CHECK (received_msat >= 0),
      acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged BETWEEN 0 AND settled)
    ) STRICT;
    CREATE UNIQUE INDEX devices_name ON devices (name) WHERE revoked_at IS NULL;

    CREATE TABLE device_invoices (
      id TEXT PRIMARY KEY,
      device TEXT NOT NULL REFERENCES devices (id),
      node INTEGER NOT NULL REFERENCES nodes (number),
      state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'expired', 'withdrawn')),
      key TEXT,                        -- digest of the device's idempotency key
      request TEXT,                    -- digest of what was asked under that key
      item TEXT NOT NULL,
      amount_msat INTEGER NOT NULL CHECK (amount_msat > 0),
      payment_hash TEXT NOT NULL,
      payment_request TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      invoice_closed INTEGER NOT NULL DEFAULT 0 CHECK (invoice_closed IN (0, 1)),
      UNIQUE (node, payment_hash)
    ) STRICT;
    CREATE UNIQUE INDEX device_invoices_open_key ON device_invoices (device, key) WHERE key IS NOT NULL AND state = 'open';
    CREATE INDEX device_invoices_key ON device_invoices (device, key, created_at) WHERE key IS NOT NULL AND state IN ('open', 'settled');
    CREATE INDEX device_invoices_times ON device_invoices (device, created_at);
    CREATE INDEX device_invoices_open ON device_invoices (node, expires_at) WHERE state = 'open';
    CREATE INDEX device_invoices_to_cancel ON device_invoices (node) WHERE state IN ('expired', 'withdrawn') AND invoice_closed = 0;
    CREATE INDEX device_invoices_unpaid ON device_invoices (node, expires_at) WHERE state IN ('expired', 'withdrawn') AND invoice_closed = 1;

    CREATE TABLE device_settlements (
      number INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,         -- what the device is told, the same every time
      device TEXT NOT NULL REFERENCES devices (id),
      invoice TEXT NOT NULL REFERENCES device_invoices (id),
      kind TEXT NOT NULL CHECK (kind IN ('paid', 'underpaid', 'duplicate')),
      late INTEGER NOT NULL CHECK (late IN (0, 1)),
      received_msat INTEGER NOT NULL CHECK (received_msat >= 0),
      settled_at INTEGER NOT NULL,
      applied_at INTEGER NOT NULL,
      cursor TEXT NOT NULL,            -- of the event that it comes from: tells a second duplicate from a repeated one
      acknowledged_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX device_settlements_once ON device_settlements (invoice) WHERE kind <> 'duplicate';
    CREATE UNIQUE INDEX device_settlements_duplicate ON device_settlements (invoice, cursor) WHERE kind = 'duplicate';
    CREATE INDEX device_settlements_to_tell ON device_settlements (device, number) WHERE acknowledged_at IS NULL;

    CREATE TRIGGER device_settlements_kept BEFORE DELETE ON device_settlements BEGIN SELECT raise(ABORT, 'a settlement is immutable'); END;
    CREATE TRIGGER device_settlements_immutable BEFORE UPDATE OF id, device, invoice, kind, late, received_msat, settled_at, applied_at, cursor
      ON device_settlements BEGIN SELECT raise(ABORT, 'a settlement is immutable'); END;
    CREATE TRIGGER device_acknowledged_once BEFORE UPDATE OF acknowledged_at ON device_settlements WHEN OLD.acknowledged_at IS NOT NULL
      BEGIN SELECT raise(ABORT, 'an acknowledged settlement stays so'); END;
    CREATE TRIGGER device_settled_invoice_stays BEFORE UPDATE OF state ON device_invoices WHEN OLD.state = 'settled'
      BEGIN SELECT raise(ABORT, 'a settled invoice stays settled'); END;
  `,
};
