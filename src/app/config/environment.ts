import { parse } from 'yaml';
import type { ConfigIssue, ConfigPath } from './errors.ts';

const PLACEHOLDER = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:[^}\\]|\\.)*))?\}/g;

/** A config whose `${NAME}` have been filled in. */
export interface Substituted {
  readonly value: unknown;
  /** Paths, joined by NUL, whose text came from the environment: they may stand for a number or a truth value too. */
  readonly fromEnvironment: ReadonlySet<string>;
  readonly issues: readonly (Omit<ConfigIssue, 'at' | 'path'> & { readonly path: ConfigPath })[];
}

/**
 * Fills in `${NAME}` and `${NAME:-default}` in the values (never the keys) of a config; `$${` stands for `${` itself.
 * It is done after reading, so that what a variable holds can't add keys. A variable that is not set and has no default is an issue.
 */
export function substituteEnvironment(raw: unknown, environment: Readonly<Record<string, string | undefined>>): Substituted {
  const fromEnvironment = new Set<string>();
  const issues: { path: ConfigPath; message: string }[] = [];
  const walk = (value: unknown, path: ConfigPath): unknown => {
    if (typeof value === 'string') return fill(value, path);
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (!isPlainObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  };
  const fill = (text: string, path: ConfigPath): string =>
    text.replace(PLACEHOLDER, (whole, name: string | undefined, fallback: string | undefined) => {
      if (name === undefined) return whole.slice(1);
      fromEnvironment.add(path.join('\0'));
      const value = environment[name];
      // As in a shell: the default stands in for an empty variable too.
      if (value !== undefined && (value !== '' || fallback === undefined)) return value;
      if (fallback !== undefined) return fallback.replace(/\\(.)/g, '$1');
      issues.push({ path, message: `the environment variable ${name} is not set; set it, or give a default: \${${name}:-…}` });
      return '';
    });
  return { value: walk(raw, []), fromEnvironment, issues };
}

/** Stand for the braces of a placeholder while YAML is read, for which they would begin and end a map; of their length. */
const OPEN = '\uE000';
const CLOSE = '\uE001';

/** Hides the braces of placeholders from YAML, so that `{ password: ${PASSWORD} }` can be written without quotes. Places in the text stay. */
export function hidePlaceholders(text: string): string {
  return text.replace(PLACEHOLDER, (whole, name: string | undefined) =>
    name === undefined ? whole : `$${OPEN}${whole.slice(2, -1)}${CLOSE}`,
  );
}

/** Undoes {@link hidePlaceholders} in what was read. */
export function showPlaceholders(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\$\uE000([^\uE001]*)\uE001/g, (_, inner: string) => `\${${inner}}`);
  if (Array.isArray(value)) return value.map(showPlaceholders);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [showPlaceholders(key) as string, showPlaceholders(item)]));
}

/** What a text from the environment stands for where text is not what was wanted: a number, true, false; undefined where nothing else. */
export function scalarOf(text: string): number | boolean | undefined {
  try {
    const value: unknown = parse(text);
    return typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is an object of a config's and not a class's. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
