import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../../../docs/security.md', import.meta.url), 'utf8');

/** A table of docs/security.md: row → column → cell. */
export type DocumentTable = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** The table that follows `<!-- access: NAME -->`. @throws where there is none. */
export function tableOf(name: string): DocumentTable {
  const after = page.split(`<!-- access: ${name} -->\n`)[1];
  if (after === undefined) throw new Error(`docs/security.md has no table ${name}`);
  const lines = after.trimStart().split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  const [head = [], , ...rows] = lines.slice(0, end === -1 ? undefined : end).map(cells);
  return new Map(rows.map(([first = '', ...rest]) => [first, new Map(rest.map((cell, index) => [head[index + 1] ?? '', cell]))]));
}

function cells(line: string): readonly string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
