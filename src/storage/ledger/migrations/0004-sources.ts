import type { Migration } from './migration.ts';

/** Positions in the outboxes of listeners, beside the one at the node. */
export const migration0004: Migration = {
  version: 4,
  sql: `
    -- Up to where what a source told of a node has had its effect. The node itself is not one of them: nodes.cursor.
    CREATE TABLE source_cursors (
      node INTEGER NOT NULL REFERENCES nodes (number),
      source TEXT NOT NULL,
      cursor TEXT NOT NULL,            -- the source's, opaque
      PRIMARY KEY (node, source)
    ) STRICT, WITHOUT ROWID;
  `,
};
