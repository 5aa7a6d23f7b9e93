import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { isPlainObject } from './environment.ts';

/** The sections that name files. (In `transports`, `path` is a URL's; there `tls` does.) */
const SECTIONS: readonly string[] = ['backend', 'feed', 'access', 'ledger', 'journal', 'listener'];
const TLS_FIELD = /^(?:cert|key|ca|dir)$/;
const PATH_FIELD = /^(?:path|paths|dir|home|file|files|socket)$|(?:Path|Dir|File|Socket)$/;

/**
 * Makes paths of a config absolute: a field whose name is path, dir, home, file or socket, or ends in one, in the sections that
 * name files, and there any text that begins with `./`, `../` or `~/`. `~` is the home folder, a relative path begins at `base`; `-` (standard input) and `:memory:` stay.
 */
export function resolvePaths(raw: unknown, base: string, home: string = homedir()): unknown {
  if (!isPlainObject(raw)) return raw;
  return Object.fromEntries(
    Object.entries(raw).map(([key, value]) => {
      if (key === 'transports') return [key, resolveTls(value, base, home)];
      return [key, SECTIONS.includes(key) ? resolveIn(value, base, home) : value];
    }),
  );
}

function resolveTls(transports: unknown, base: string, home: string): unknown {
  return mapFields(transports, (transport) =>
    mapFields(transport, (section, name) => (name === 'tls' ? resolveTlsFields(section, base, home) : section)),
  );
}

function resolveTlsFields(tls: unknown, base: string, home: string): unknown {
  return mapFields(tls, (value, field) => (typeof value === 'string' && TLS_FIELD.test(field) ? expandPath(value, base, home) : value));
}

function mapFields(value: unknown, change: (field: unknown, name: string) => unknown): unknown {
  return isPlainObject(value) ? Object.fromEntries(Object.entries(value).map(([name, field]) => [name, change(field, name)])) : value;
}

/** The same for a file that is one section as a whole. */
export function resolveAllPaths(raw: unknown, base: string, home: string = homedir()): unknown {
  return resolveIn(raw, base, home);
}

/** `~` and `~/…` to the home folder, a relative path from `base` on. */
export function expandPath(path: string, base: string, home: string = homedir()): string {
  if (path === '-' || path === '' || path.startsWith(':')) return path;
  if (path === '~' || path.startsWith('~/')) return join(home, path.slice(1));
  return isAbsolute(path) ? path : resolve(base, path);
}

function resolveIn(section: unknown, base: string, home: string): unknown {
  if (Array.isArray(section)) return section.map((item) => resolveIn(item, base, home));
  if (!isPlainObject(section)) return section;
  return Object.fromEntries(
    Object.entries(section).map(([key, value]) => {
      if (key === 'tls') return [key, resolveTlsFields(value, base, home)];
      if (typeof value === 'string' && /^(?:\.{1,2}|~)\//.test(value)) return [key, expandPath(value, base, home)];
      if (!PATH_FIELD.test(key)) return [key, resolveIn(value, base, home)];
      if (typeof value === 'string') return [key, expandPath(value, base, home)];
      if (Array.isArray(value)) return [key, value.map((item) => (typeof item === 'string' ? expandPath(item, base, home) : item))];
      return [key, resolveIn(value, base, home)];
    }),
  );
}
