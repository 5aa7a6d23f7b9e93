import { resolve } from 'node:path';
import type { TableSchema } from '../../core/tickerplant/schema.ts';
import { loadConfig } from '../config/load.ts';

/** Where the stores are that a command is to work on. */
export interface StorePlaces {
  readonly ledger: string;
  readonly journal: string;
  /** The tables of the config; empty where a path was given. */
  readonly tables: readonly TableSchema[];
}

/** The stores of a config. @throws ConfigError. */
export async function storesOf(file: string | undefined): Promise<StorePlaces> {
  const { ledger, journal, tables } = await loadConfig({ file });
  return { ledger: resolve(ledger.path), journal: resolve(journal.dir), tables };
}
