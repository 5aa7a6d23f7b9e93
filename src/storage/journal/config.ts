import { z } from 'zod';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const fsyncSchema: z.ZodUnion<
  readonly [
    z.ZodLiteral<'never'>,
    z.ZodLiteral<'interval'>,
    z.ZodLiteral<'always'>,
    z.ZodObject<{ intervalMs: z.ZodNumber }, z.core.$strict>,
  ]
> = z.union([
  z.literal('never'),
  z.literal('interval'),
  z.literal('always'),
  z.strictObject({ intervalMs: z.number().int().min(1).max(3_600_000) }),
]);

/**
 * Where and how published rows are recorded. `fsync`: when they are forced to the disk, which matters for a power cut only,
 * not for a killed process: `interval` once a second or `{ intervalMs }`, `always` before anybody gets them, `never`.
 * `keepDays`, `keepGb`: what is older, or more, is removed in whole segments, but for what a buyer may still ask for.
 */
export const journalConfigSchema: z.ZodObject<
  {
    dir: z.ZodDefault<z.ZodString>;
    segmentMb: z.ZodOptional<z.ZodNumber>;
    fsync: z.ZodOptional<typeof fsyncSchema>;
    keepDays: z.ZodOptional<z.ZodNumber>;
    keepGb: z.ZodOptional<z.ZodNumber>;
  },
  z.core.$strict
> = z.strictObject({
  dir: z.string().min(1, 'folder of the journal, for example data/journal').default('data/journal'),
  segmentMb: z.number().int().min(1).max(4096).optional(),
  fsync: fsyncSchema.optional(),
  keepDays: z.number().int().min(1).optional(),
  keepGb: z.number().positive().optional(),
});

/** A parsed `journal:` section. */
export type JournalConfig = z.output<typeof journalConfigSchema>;

/** When appended rows are forced to the disk. */
export type FsyncPolicy = z.output<typeof fsyncSchema>;

/** A config's values as `openJournal` takes them. */
export function journalOptions(config: JournalConfig): {
  readonly dir: string;
  readonly segmentBytes?: number;
  readonly fsync?: FsyncPolicy;
  readonly keepDays?: number;
  readonly keepBytes?: number;
} {
  return {
    dir: config.dir,
    ...(config.segmentMb === undefined ? {} : { segmentBytes: config.segmentMb * MIB }),
    ...(config.fsync === undefined ? {} : { fsync: config.fsync }),
    ...(config.keepDays === undefined ? {} : { keepDays: config.keepDays }),
    ...(config.keepGb === undefined ? {} : { keepBytes: config.keepGb * GIB }),
  };
}
