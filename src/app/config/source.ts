import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { hidePlaceholders, showPlaceholders } from './environment.ts';
import { ConfigError, type ConfigPath } from './errors.ts';

/** A config as it was read, before anything is made of it. */
export interface ConfigSource {
  /** The file, or what else to call it in messages. */
  readonly name: string;
  readonly raw: unknown;
  /** Line and column of a path, `12:5`; undefined where it is not in the text. */
  locate(path: ConfigPath): string | undefined;
}

/** The files that are looked for where none is named, in this order. */
export const DEFAULT_CONFIG_FILES: readonly string[] = [
  'tickerplant.config.yaml',
  'tickerplant.config.yml',
  'tickerplant.config.json',
  'tickerplant.config.ts',
  'tickerplant.config.mjs',
  'tickerplant.config.js',
];

/** The config file of a folder. @throws ConfigError `NOT_FOUND` naming what was looked for. */
export function findConfigFile(folder: string): string {
  for (const name of DEFAULT_CONFIG_FILES) {
    const file = resolve(folder, name);
    if (existsSync(file)) return file;
  }
  const message = `no config file here (looked for ${DEFAULT_CONFIG_FILES.join(', ')}); name one with --config FILE, or try it without any: tickerplant demo`;
  throw new ConfigError(folder, [{ path: '', at: undefined, message }], 'NOT_FOUND');
}

/** Reads a config file: YAML, JSON, or a module whose default export is the config (or a function that answers it). @throws ConfigError. */
export async function readConfigFile(file: string): Promise<ConfigSource> {
  return /^\.[cm]?[jt]s$/.test(extname(file)) ? await readModule(file) : readText(file, await readBytes(file));
}

async function readBytes(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw problem(file, 'there is no such file', 'NOT_FOUND');
    throw problem(
      file,
      code === 'EISDIR' ? 'this is a folder, not a config file' : `can't be read (${code ?? 'unknown error'})`,
      'UNREADABLE',
    );
  }
}

/** JSON is YAML: one reader for both. */
function readText(file: string, text: string): ConfigSource {
  const lines = new LineCounter();
  const document = parseDocument(hidePlaceholders(text), { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) {
    // The parser's own messages quote the text, which may be a password.
    const { line, col } = lines.linePos(error.pos[0]);
    const what =
      error.code === 'DUPLICATE_KEY'
        ? 'this key is there twice'
        : error.code === 'TAB_AS_INDENT'
          ? 'indent with blanks, not tabs'
          : `not valid YAML or JSON (${error.code})`;
    throw new ConfigError(file, [{ path: '', at: `${line}:${col}`, message: what }], 'UNREADABLE');
  }
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw problem(file, 'its YAML aliases can not be resolved (put quotes round a text that begins with *)', 'UNREADABLE');
  }
  return { name: file, raw: showPlaceholders(raw ?? {}), locate: (path) => locate(document, lines, path) };
}

async function readModule(file: string): Promise<ConfigSource> {
  if (!existsSync(file)) throw problem(file, 'there is no such file', 'NOT_FOUND');
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === 'ERR_UNKNOWN_FILE_EXTENSION'
        ? `this Node (${process.version}) does not run TypeScript; use YAML or .mjs, or Node 22.18 or later`
        : message;
    throw problem(file, `can't be loaded: ${why}`, 'UNREADABLE');
  }
  const raw = typeof module.default === 'function' ? await module.default() : module.default;
  if (raw === undefined) throw problem(file, 'has no default export; write `export default { … }`', 'UNREADABLE');
  return { name: file, raw, locate: () => undefined };
}

/** Where a path's key stands, or the nearest thing above it that is in the text. */
function locate(document: Document, lines: LineCounter, path: ConfigPath): string | undefined {
  let node: unknown = document.contents;
  let found: Node | undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) break;
      found = pair.key as Node;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      if (node === undefined) break;
      found = node as Node;
    } else break;
  }
  if (found?.range == null) return undefined;
  const { line, col } = lines.linePos(found.range[0]);
  return `${line}:${col}`;
}

function problem(file: string, message: string, code: ConfigError['code']): ConfigError {
  return new ConfigError(file, [{ path: '', at: undefined, message }], code);
}
