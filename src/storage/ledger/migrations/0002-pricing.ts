import type { Migration } from './migration.ts';

/**
 * Terms in items and grants; credit that is set aside, prepaid balances, leases, billed rows, refund notes. What a version-1 ledger
 * sold was flat: its terms are made of what was asked and of how long it lasts, the price of several tables shared by their symbols.
 */
export const migration0002: Migration = {
  version: 2,
  sql: `
    -- [{"table":…,"syms":[…],"terms":{"kind":…,"msat":"…",…},"amountMsat":"…"},…]; money is decimal text. In a list the k-th of N
    -- symbols ends at k/N of the price, whole msat (in two parts, for the product may not fit into 64 bits).
    UPDATE quotes SET items = (
      SELECT json_group_array(json_object(
               'table', name, 'syms', json(syms),
               'terms', json_object('kind', 'flat', 'msat', CAST((upto - before) / max(count, 1) AS TEXT), 'lastsMs', lasts_ms, 'replayMs', 86400000),
               'amountMsat', CAST(upto - before AS TEXT)) ORDER BY position)
        FROM (SELECT position, name, syms, count,
                     (amount_msat / total) * done + ((amount_msat % total) * done) / total AS upto,
                     (amount_msat / total) * (done - count) + ((amount_msat % total) * (done - count)) / total AS before
                FROM (SELECT key AS position, json_extract(value, '$.table') AS name, json_extract(value, '$.syms') AS syms,
                             json_array_length(value, '$.syms') AS count,
                             sum(json_array_length(value, '$.syms')) OVER (ORDER BY key) AS done,
                             max(1, sum(json_array_length(value, '$.syms')) OVER ()) AS total
                        FROM json_each(quotes.items))));
    ALTER TABLE quotes ADD COLUMN reason TEXT NOT NULL DEFAULT 'asked' CHECK (reason IN ('asked', 'renewal', 'top-up'));
    ALTER TABLE quotes ADD COLUMN credit_msat INTEGER NOT NULL DEFAULT 0 CHECK (credit_msat >= 0);  -- set aside for it
    ALTER TABLE quotes DROP COLUMN lasts_ms;

    CREATE TABLE settlements_2 (
      node INTEGER NOT NULL REFERENCES nodes (number),
      payment_hash TEXT NOT NULL,
      quote TEXT NOT NULL UNIQUE REFERENCES quotes (id),
      effect TEXT NOT NULL CHECK (effect IN ('granted', 'set-aside')),
      timing TEXT NOT NULL CHECK (timing IN ('in-time', 'late', 'withdrawn')),
      received_msat INTEGER NOT NULL CHECK (received_msat >= 0),
      settled_at INTEGER NOT NULL,
      applied_at INTEGER NOT NULL,
      policy TEXT NOT NULL,            -- {"late":"honour",…}: what the seller had decided, so that the effect can be checked
      gone TEXT NOT NULL,              -- ["quote",…]: tables that were not on sale any more
      day_ends INTEGER NOT NULL,       -- the end of what was sold for the day
      PRIMARY KEY (node, payment_hash)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO settlements_2 SELECT node, payment_hash, quote, iif(effect = 'granted', 'granted', 'set-aside'), iif(late, 'late', 'in-time'),
      received_msat, settled_at, applied_at,
      '{"late":"honour","withdrawn":"honour","overpaid":"credit","underpaid":"credit","duplicate":"credit","tableGone":"credit"}',
      '[]', applied_at FROM settlements;

    CREATE TABLE grants_2 (
      number INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      quote TEXT NOT NULL REFERENCES settlements (quote),   -- no grant without its settlement
      position INTEGER NOT NULL,       -- which of the quote's grants
      item INTEGER NOT NULL,           -- of which of its items
      table_name TEXT NOT NULL,
      syms TEXT NOT NULL,              -- ["AAPL",…]
      terms TEXT NOT NULL,             -- the item's
      granted_at INTEGER NOT NULL,
      starts_at INTEGER NOT NULL,      -- granted_at, or the end of what it goes on from
      until INTEGER NOT NULL,          -- paid until
      ends_at INTEGER NOT NULL CHECK (ends_at >= until),    -- the grace included
      replay_ms INTEGER NOT NULL,      -- how long a row may still be asked for
      epoch INTEGER NOT NULL,
      next TEXT NOT NULL,              -- {"AAPL":17,…}: the first row of each that is granted
      UNIQUE (quote, position)
    ) STRICT;
    INSERT INTO grants_2 (id, subscription, quote, position, item, table_name, syms, terms, granted_at, starts_at, until, ends_at,
                          replay_ms, epoch, next)
      SELECT g.id, g.subscription, g.quote, g.position, g.position, g.table_name, g.syms,
             coalesce(json_extract(q.items, '$[' || g.position || '].terms'), ''),
             g.granted_at, g.granted_at, g.until, g.until, 86400000, g.epoch, g.next
        FROM grants g LEFT JOIN quotes q ON q.id = g.quote ORDER BY g.granted_at, g.rowid;

    CREATE TABLE credit_entries_2 (
      number INTEGER PRIMARY KEY,
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      quote TEXT NOT NULL REFERENCES quotes (id),
      -- What a payment brought that bought nothing; 'set-aside' for a quote, 'given-back' when it ended unpaid, 'taken-again' when it was
      -- paid late all the same.
      reason TEXT NOT NULL CHECK (reason IN
        ('overpaid', 'underpaid', 'duplicate', 'late', 'withdrawn', 'table-gone', 'set-aside', 'given-back', 'taken-again')),
      msat INTEGER NOT NULL CHECK (iif(reason IN ('set-aside', 'taken-again'), msat <= 0, msat >= 0)),
      credit_msat INTEGER NOT NULL CHECK (credit_msat >= 0),  -- the subscription's, after it
      at INTEGER NOT NULL,
      cursor TEXT,                     -- of the settlement that it comes from: tells a second duplicate from a repeated one
      CHECK ((cursor IS NULL) = (reason IN ('set-aside', 'given-back')))
    ) STRICT;
    INSERT INTO credit_entries_2 SELECT number, subscription, quote, reason, msat,
      sum(msat) OVER (PARTITION BY subscription ORDER BY number), at, cursor FROM credit_entries;

    CREATE TABLE refund_notes (
      number INTEGER PRIMARY KEY,
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      quote TEXT NOT NULL REFERENCES quotes (id),
      reason TEXT NOT NULL CHECK (reason IN ('overpaid', 'underpaid', 'duplicate', 'late', 'withdrawn', 'table-gone')),
      msat INTEGER NOT NULL CHECK (msat > 0),
      at INTEGER NOT NULL,
      cursor TEXT NOT NULL,            -- as of a credit entry
      done_at INTEGER                  -- when the seller noted that it was given back
    ) STRICT;

    CREATE TABLE leases (
      number INTEGER PRIMARY KEY,
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      msat INTEGER NOT NULL CHECK (msat >= 0),
      spent_msat INTEGER NOT NULL DEFAULT 0 CHECK (spent_msat BETWEEN 0 AND msat),   -- as it was recorded last
      opened_at INTEGER NOT NULL,
      closed_at INTEGER
    ) STRICT;

    -- The prepaid balance of each subscription is the sum of its entries: paid in, lent to a session, what it gave back.
    CREATE TABLE balance_entries (
      number INTEGER PRIMARY KEY,
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      kind TEXT NOT NULL CHECK (kind IN ('prepaid', 'lent', 'returned')),
      msat INTEGER NOT NULL CHECK (iif(kind = 'lent', msat < 0, msat > 0)),
      balance_msat INTEGER NOT NULL CHECK (balance_msat >= 0),  -- the subscription's, after it
      quote TEXT REFERENCES settlements (quote),                -- no balance without its settlement
      lease INTEGER REFERENCES leases (number),
      at INTEGER NOT NULL,
      CHECK ((quote IS NULL) = (kind <> 'prepaid')),
      CHECK ((lease IS NULL) = (kind = 'prepaid'))
    ) STRICT;

    CREATE TABLE billed_rows (
      subscription TEXT NOT NULL REFERENCES subscriptions (id),
      table_name TEXT NOT NULL,
      sym TEXT NOT NULL,
      epoch INTEGER NOT NULL,
      ranges TEXT NOT NULL,            -- [[from,to],…]: numbers of rows that were paid, ascending and apart
      PRIMARY KEY (subscription, table_name, sym, epoch)
    ) STRICT, WITHOUT ROWID;

    DROP TABLE grants;
    DROP TABLE settlements;
    DROP TABLE credit_entries;
    ALTER TABLE settlements_2 RENAME TO settlements;
    ALTER TABLE grants_2 RENAME TO grants;
    ALTER TABLE credit_entries_2 RENAME TO credit_entries;

    CREATE INDEX grants_subscription ON grants (subscription, ends_at);
    CREATE INDEX grants_end ON grants (ends_at, granted_at, replay_ms);
    CREATE INDEX credit_entries_subscription ON credit_entries (subscription);
    CREATE UNIQUE INDEX credit_entries_once ON credit_entries (quote, reason) WHERE reason <> 'duplicate';
    CREATE UNIQUE INDEX credit_entries_duplicate ON credit_entries (quote, cursor) WHERE reason = 'duplicate';
    CREATE INDEX refund_notes_to_do ON refund_notes (number) WHERE done_at IS NULL;
    CREATE UNIQUE INDEX refund_notes_once ON refund_notes (quote, reason) WHERE reason <> 'duplicate';
    CREATE UNIQUE INDEX refund_notes_duplicate ON refund_notes (quote, cursor) WHERE reason = 'duplicate';
    CREATE UNIQUE INDEX leases_open ON leases (subscription) WHERE closed_at IS NULL;
    CREATE INDEX balance_entries_subscription ON balance_entries (subscription);
    CREATE UNIQUE INDEX balance_entries_quote ON balance_entries (quote) WHERE quote IS NOT NULL;
    CREATE UNIQUE INDEX balance_entries_lease ON balance_entries (lease, kind) WHERE lease IS NOT NULL;

    CREATE TRIGGER quote_price_stays BEFORE UPDATE OF subscription, items, amount_msat, credit_msat ON quotes
      BEGIN SELECT raise(ABORT, 'what was quoted stays'); END;
    CREATE TRIGGER grants_kept BEFORE DELETE ON grants BEGIN SELECT raise(ABORT, 'a grant is immutable'); END;
    CREATE TRIGGER grants_immutable BEFORE UPDATE ON grants BEGIN SELECT raise(ABORT, 'a grant is immutable'); END;
    CREATE TRIGGER settlements_kept BEFORE DELETE ON settlements BEGIN SELECT raise(ABORT, 'a settlement is immutable'); END;
    CREATE TRIGGER settlements_immutable BEFORE UPDATE ON settlements BEGIN SELECT raise(ABORT, 'a settlement is immutable'); END;
    CREATE TRIGGER credit_kept BEFORE DELETE ON credit_entries BEGIN SELECT raise(ABORT, 'credit entries are append-only'); END;
    CREATE TRIGGER credit_immutable BEFORE UPDATE ON credit_entries BEGIN SELECT raise(ABORT, 'credit entries are append-only'); END;
    CREATE TRIGGER balance_kept BEFORE DELETE ON balance_entries BEGIN SELECT raise(ABORT, 'balance entries are append-only'); END;
    CREATE TRIGGER balance_immutable BEFORE UPDATE ON balance_entries BEGIN SELECT raise(ABORT, 'balance entries are append-only'); END;
    CREATE TRIGGER leases_kept BEFORE DELETE ON leases BEGIN SELECT raise(ABORT, 'leases are kept'); END;
    CREATE TRIGGER leases_only_spent BEFORE UPDATE ON leases
      WHEN OLD.closed_at IS NOT NULL OR NEW.spent_msat < OLD.spent_msat OR NEW.msat <> OLD.msat OR NEW.subscription <> OLD.subscription
      BEGIN SELECT raise(ABORT, 'a lease is only spent and closed'); END;
    CREATE TRIGGER refund_notes_kept BEFORE DELETE ON refund_notes BEGIN SELECT raise(ABORT, 'refund notes are kept'); END;
    CREATE TRIGGER refund_notes_only_done BEFORE UPDATE ON refund_notes
      WHEN OLD.done_at IS NOT NULL OR NEW.msat <> OLD.msat OR NEW.quote <> OLD.quote OR NEW.subscription <> OLD.subscription
      BEGIN SELECT raise(ABORT, 'a refund note is only done'); END;
  `,
};
