/** Where a table's column gets its value: a column of the source, or the same text for every row. */
export type ColumnSource = { readonly kind: 'column'; readonly name: string } | { readonly kind: 'constant'; readonly text: string };

/** Table column → where it comes from. */
export type ColumnMapping = ReadonlyMap<string, ColumnSource>;

const PAIR = /\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*('(?:[^']|'')*'|"(?:[^"]|"")*"|[^,'"]+)\s*(?:,|$)/y;
const COLUMN = /^[A-Za-z][A-Za-z0-9_]*$/;

/**
 * Reads a mapping, `sym=symbol,time=date,price="last price"` or an object of the same. On the right: a column's name,
 * bare or in double quotes, or in single quotes a constant for all rows, `sym='SEATTLE'`. A quote inside quotes is doubled, as in SQL.
 * @throws Error saying what is wrong with it.
 */
export function parseColumnMapping(columns: string | Readonly<Record<string, string>>): ColumnMapping {
  const mapping = new Map<string, ColumnSource>();
  for (const [column, right] of typeof columns === 'string' ? pairsOf(columns) : Object.entries(columns)) {
    if (!COLUMN.test(column)) throw new Error(`"${column}" can't be a table's column: letters, digits and _, beginning with a letter`);
    if (mapping.has(column)) throw new Error(`column ${column} is mapped twice`);
    mapping.set(column, sourceOf(column, right.trim()));
  }
  return mapping;
}

/** A source's column name as a table's column can be called: `last price` becomes `last_price`. */
export function tableColumnName(name: string): string {
  if (COLUMN.test(name)) return name;
  const cleaned = name.trim().replace(/[^A-Za-z0-9_]+/g, '_');
  return /^[A-Za-z]/.test(cleaned) ? cleaned : `c${cleaned}`;
}

function* pairsOf(text: string): Generator<[string, string]> {
  PAIR.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    const match = PAIR.exec(text);
    if (match === null)
      throw new Error(`can't read "${text.slice(at)}": expected column=source, column='constant' or column="source", with commas between`);
    at = PAIR.lastIndex;
    yield [match[1] ?? '', match[2] ?? ''];
  }
}

function sourceOf(column: string, right: string): ColumnSource {
  const quote = right[0];
  if (quote !== "'" && quote !== '"') {
    if (right === '') throw new Error(`column ${column} is mapped to nothing`);
    return { kind: 'column', name: right };
  }
  if (right.length < 2 || !right.endsWith(quote)) throw new Error(`column ${column}: the quote in ${right} is not closed`);
  const text = right.slice(1, -1).replaceAll(quote + quote, quote);
  return quote === "'" ? { kind: 'constant', text } : { kind: 'column', name: text };
}
