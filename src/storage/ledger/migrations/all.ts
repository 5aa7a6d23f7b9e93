import { migration0001 } from './0001-ledger.ts';
import { migration0002 } from './0002-pricing.ts';
import { migration0003 } from './0003-upkeep.ts';
import { migration0004 } from './0004-sources.ts';
import { migration0005 } from './0005-devices.ts';
import type { Migration } from './migration.ts';

/** Every step, in order; the number of the last is the version that this program writes. */
export const MIGRATIONS: readonly Migration[] = [migration0001, migration0002, migration0003, migration0004, migration0005];

/** The newest schema version that this program knows. */
export const SCHEMA_VERSION: number = MIGRATIONS.at(-1)?.version ?? 0;
