import type { TableDefinition } from '../core/tickerplant/schema.ts';
import { tableFromFile } from '../feed/table-from-file.ts';
import type { BaseConfig } from './config/parse.ts';

/** The tables of a config; the columns of the one that a replay fills are the file's, where `feed.schemaFromFile` says so. @throws FeedError. */
export async function tablesWithFeed({ tables, feed }: BaseConfig): Promise<readonly TableDefinition[]> {
  if (feed?.kind !== 'replay' || !feed.schemaFromFile) return tables;
  const target = tables.find(({ name }) => name === feed.table) ?? (feed.table === undefined ? tables[0] : undefined);
  if (target === undefined) return tables;
  const { columns } = await tableFromFile(feed, target.name);
  return tables.map((table) => (table === target ? { ...table, columns } : table));
}
