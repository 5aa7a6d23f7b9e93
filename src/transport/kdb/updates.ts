import type { Encoding, PublishedRows } from '../../core/tickerplant/published-rows.ts';
import type { Column, TableDefinition } from '../../core/tickerplant/schema.ts';
import { list, symbol } from '../../kdb/build.ts';
import { writeRows } from '../../kdb/columns.ts';
import { write, writeListHead } from '../../kdb/encode.ts';
import { beginMessage, encodeMessage, endMessage } from '../../kdb/message.ts';
import { daysOfDate } from '../../kdb/times.ts';

const UPD = symbol('upd');
/** Bytes that a row takes roughly, so that the buffer most often need not grow. */
const ROW_BYTES = 64;

/** Rows as a whole asynchronous ``(`upd;table;rows)``: made once, and shared by all kdb+ connections that take the rows. */
export function updEncoding(tables: readonly TableDefinition[]): Encoding {
  const schemas = new Map<string, { readonly columns: readonly Column[]; readonly names: readonly string[] }>();
  for (const { name, columns } of tables) schemas.set(name, { columns, names: columns.map((column) => column.name) });
  return {
    encode({ table, rows }: PublishedRows): Uint8Array {
      const schema = schemas.get(table);
      if (schema === undefined) throw new Error(`rows of a table that is not in the catalogue: ${table}`);
      const writer = beginMessage('async', 256 + rows.length * ROW_BYTES);
      writeListHead(writer, 3);
      write(writer, UPD);
      write(writer, symbol(table));
      writeRows(writer, schema.columns, schema.names, rows);
      return endMessage(writer);
    },
  };
}

/** ``(`.u.end;date)``, asynchronous. `date`: the day that ended, `2026-11-20`. */
export function endOfDayMessage(date: string): Uint8Array {
  return encodeMessage('async', list(symbol('.u.end'), { kind: 'atom', type: 'date', value: daysOfDate(date) }));
}
