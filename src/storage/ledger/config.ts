import { z } from 'zod';

/** Where the ledger is kept: a SQLite file. It holds root keys and preimages, so its folder is the seller's own. */
export const ledgerConfigSchema: z.ZodObject<{ kind: z.ZodLiteral<'sqlite'>; path: z.ZodDefault<z.ZodString> }, z.core.$strict> =
  z.strictObject({
    kind: z.literal('sqlite'),
    path: z.string().min(1, 'path of the ledger file, for example data/ledger.db').default('data/ledger.db'),
  });

/** A parsed `ledger:` section. */
export type LedgerConfig = z.output<typeof ledgerConfigSchema>;
