import type { TableDefinition } from '../core/tickerplant/schema.ts';
import { FeedError } from './errors.ts';

/** The table that a feed fills: the one named, or the default, or the only one. @throws FeedError `CONFIG` naming those there are. */
export function tableFor(
  tables: readonly TableDefinition[],
  name: string | undefined,
  source: string,
  preferred?: string,
): TableDefinition {
  const found = tables.find((table) => table.name === (name ?? preferred));
  if (found !== undefined) return found;
  const [only] = tables;
  if (name === undefined && tables.length === 1 && only !== undefined) return only;
  const names = tables.map((table) => table.name).join(', ');
  throw new FeedError(
    'CONFIG',
    { source },
    name === undefined ? `say which table the rows are for: ${names}` : `there is no table ${name}, only ${names}`,
  );
}
