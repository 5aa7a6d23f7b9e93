import type { Msat } from '../core/lightning/amount.ts';
import type { ItemSource, Listing } from '../core/store/items.ts';
import { TickerplantError } from '../core/tickerplant/errors.ts';
import { bytesContent } from './computed.ts';

/** One row of a table: column → value, as JSON can say it. */
export type TableRow = Readonly<Record<string, unknown>>;

/** A table whose rows are sold one by one. */
export interface RowsOptions {
  /** Its name in URLs. */
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly price: Msat;
  /** The column that a buyer names a row by: `/items/weather?date=2016-10-05`. */
  readonly key: string;
  /** The rows, or how to find the one with this key; undefined: there is none. */
  readonly rows: readonly TableRow[] | ((key: string) => TableRow | undefined | Promise<TableRow | undefined>);
}

/** Sells the rows of a table one by one, as JSON: each purchase is of the row that its URL names, as it was when it was bought. */
export function rows({ id, title, description, price, key, rows: table }: RowsOptions): ItemSource {
  const listing = (): Listing => ({ id, title, priceMsat: price, description: description ?? `One row, named by its ${key}: ?${key}=…` });
  return {
    name: `rows:${id}`,
    listings: async () => [listing()],
    listing: async (other) => (other === id ? listing() : undefined),
    async offer(order) {
      if (order.id !== id) return undefined;
      const { [key]: name, ...others } = order.parameters;
      if (name === undefined) throw new TickerplantError('BAD_REQUEST', `which row? name it: ?${encodeURIComponent(key)}=…`);
      const [other] = Object.keys(others);
      if (other !== undefined) throw new TickerplantError('BAD_REQUEST', `${other}: a row is named by ${key} alone`);
      const row = typeof table === 'function' ? await table(name) : table.find((each) => String(each[key]) === name);
      if (row === undefined) throw new TickerplantError('BAD_REQUEST', `${key}: there is no such row`);
      return { title: `${title} (${key}=${name})`, priceMsat: price, snapshot: JSON.stringify(row) };
    },
    open: async (_item, { snapshot }) => bytesContent({ contentType: 'application/json' }, Buffer.from(`${snapshot}\n`)),
  };
}
