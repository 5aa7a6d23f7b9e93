import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { parse } from 'csv-parse';
import type { Msat } from '../../core/lightning/amount.ts';
import type { ItemSource } from '../../core/store/items.ts';
import type { WhenChanged } from '../../store/file-content.ts';
import { file, folder } from '../../store/folder.ts';
import { rows } from '../../store/rows.ts';
import { ConfigError } from '../config/errors.ts';

/** How a path is to be sold. */
export interface ItemsOptions {
  readonly price: Msat;
  /** The column that names the rows of a CSV file. */
  readonly rowsBy?: string | undefined;
  readonly whenChanged: WhenChanged;
  readonly surprise: boolean | 'only';
  /** Files that must never be for sale. */
  readonly private: readonly string[];
}

/** What is to be sold, and under which title unless given. */
export interface Items {
  readonly title: string;
  readonly sources: readonly ItemSource[];
}

/** A folder, a file or a CSV file's rows as items. @throws ConfigError where that can't be meant, or would sell secrets. */
export async function itemsOf(path: string, options: ItemsOptions): Promise<Items> {
  const { price, rowsBy, whenChanged, surprise } = options;
  const full = resolve(path);
  const found = await stat(full).catch((cause: unknown) => {
    throw wrong(
      path,
      `can not be sold: ${cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'there is no such file or folder' : String(cause)}`,
    );
  });
  const title = basename(full, found.isDirectory() ? '' : extname(full));
  if (found.isDirectory()) {
    if (rowsBy !== undefined) throw wrong('--rows-by', 'needs a CSV file, not a folder');
    await assertPrivate(full, path, options.private);
    return { title, sources: [folder(full, { price, whenChanged, surprise })] };
  }
  if (!found.isFile()) throw wrong(path, 'can not be sold: it is neither a file nor a folder');
  if (surprise !== false) throw wrong('--surprise', 'needs a folder to choose from');
  if (rowsBy === undefined) return { title, sources: [file(full, { price, whenChanged })] };
  return { title, sources: [rows({ id: title, title, price, key: rowsBy, rows: await readRows(full, path, rowsBy) })] };
}

/** The database holds every purchase, and the config may hold the node's credentials. */
async function assertPrivate(root: string, shown: string, files: readonly string[]): Promise<void> {
  const realRoot = await realpath(root);
  for (const each of files) {
    const real = await realOf(resolve(each));
    const inner = relative(realRoot, real);
    const isInside = inner !== '' && !inner.startsWith(`..${sep}`) && inner !== '..' && !isAbsolute(inner);
    const isHidden = inner.split(sep).some((segment) => segment.startsWith('.'));
    if (isInside && !isHidden) throw wrong(shown, `holds ${each}, which would be for sale too; keep that outside of the folder`);
  }
}

/** Of what is not there yet: where it will be. */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(await realOf(above), basename(path));
  }
}

async function readRows(
  path: string,
  shown: string,
  key: string,
): Promise<(name: string) => Readonly<Record<string, unknown>> | undefined> {
  const byKey = new Map<string, Readonly<Record<string, unknown>>>();
  const records = createReadStream(path).pipe(parse({ columns: true, bom: true, skip_empty_lines: true }));
  try {
    for await (const record of records as AsyncIterable<Readonly<Record<string, string>>>) {
      const name = record[key];
      if (name === undefined) throw wrong('--rows-by', `${shown} has no column ${key}; there are ${Object.keys(record).join(', ')}`);
      if (byKey.has(name)) throw wrong('--rows-by', `${shown} has two rows with ${key} ${name}: take a column that tells them apart`);
      byKey.set(name, record);
    }
  } catch (error) {
    throw error instanceof ConfigError ? error : wrong(shown, `can not be read as CSV: ${(error as Error).message}`);
  }
  return (name) => byKey.get(name);
}

function wrong(source: string, message: string): ConfigError {
  return new ConfigError(source, [{ path: '', at: undefined, message }]);
}
