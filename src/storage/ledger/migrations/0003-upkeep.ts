import type { Migration } from './migration.ts';

/** Ends of day and who was told, revoked tokens, epochs. */
export const migration0003: Migration = {
  version: 3,
  sql: `
    CREATE TABLE ended_days (
      date TEXT PRIMARY KEY,           -- the trading date, 2026-11-20
      ends_at INTEGER NOT NULL,        -- by the calendar
      recorded_at INTEGER NOT NULL,
      silent INTEGER NOT NULL CHECK (silent IN (0, 1))   -- where the ledger began: nobody is told
    ) STRICT, WITHOUT ROWID;

    -- The last date that a subscription was told, or that had ended when its first grant began.
    CREATE TABLE told_days (
      subscription TEXT PRIMARY KEY REFERENCES subscriptions (id),
      date TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO told_days SELECT DISTINCT subscription, '' FROM grants;
    CREATE TRIGGER grants_know_the_day AFTER INSERT ON grants BEGIN
      INSERT INTO told_days VALUES (NEW.subscription, coalesce((SELECT max(date) FROM ended_days), '')) ON CONFLICT DO NOTHING;
    END;

    CREATE TABLE revocations (
      subscription TEXT PRIMARY KEY REFERENCES subscriptions (id),
      revoked_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Epochs that rows were numbered in.
    CREATE TABLE epochs (epoch INTEGER PRIMARY KEY) STRICT;
    INSERT INTO epochs SELECT max(epoch) FROM grants HAVING max(epoch) IS NOT NULL;

    CREATE INDEX quotes_unpaid ON quotes (node, expires_at) WHERE state IN ('expired', 'withdrawn') AND invoice_closed = 1;
    CREATE INDEX quotes_subscription ON quotes (subscription);
  `,
};
