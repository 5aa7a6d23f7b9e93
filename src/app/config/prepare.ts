import { dirname, resolve } from 'node:path';
import type { ADAPTERS } from '../../adapters/registry.ts';
import { isPlainObject, scalarOf, substituteEnvironment } from './environment.ts';
import { ConfigError, type ConfigIssue, type ConfigPath } from './errors.ts';
import type { Finding } from './issues.ts';
import { COMMAND_LINE, mergeConfig } from './overrides.ts';
import { resolvePaths } from './paths.ts';
import type { ConfigSource } from './source.ts';

/** What goes with a config beside its text. */
export interface ParseOptions {
  /** Settings from the command line (see `parseOverrides`); they win. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** Variables for `${NAME}`; the process's own unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths of the config begin at; that of the file unless given. */
  readonly base?: string;
  /** Folder that relative paths of the overrides begin at; the working one unless given. */
  readonly workingFolder?: string;
  /** The backends that there are; those of the registry unless given. */
  readonly adapters?: typeof ADAPTERS;
  /** For {@link parseWalletConfig}: take the `backend:` of a server's config too, whatever else stands there. */
  readonly backendOfAny?: boolean;
  /** Let play money be served beyond loopback; also `backend.forcePublic`. */
  readonly forcePublic?: boolean;
}

/** A config's text, ready to be parsed: with environment and command line, paths absolute. */
export interface Prepared {
  readonly value: Readonly<Record<string, unknown>>;
  readonly fromEnvironment: ReadonlySet<string>;
  /** What is wrong, each with its place in the file or on the command line. */
  error(found: readonly Finding[]): ConfigError;
}

/** Fills in environment and command line. `complete` adds sections that were left out, before paths are resolved. @throws ConfigError. */
export function prepare(
  source: ConfigSource,
  options: ParseOptions,
  complete: (raw: Record<string, unknown>) => Record<string, unknown>,
  resolveIn: (raw: unknown, base: string) => unknown = resolvePaths,
): Prepared {
  if (!isPlainObject(source.raw)) {
    throw new ConfigError(source.name, [{ path: '', at: undefined, message: 'a config is keys and values, beginning with backend:' }]);
  }
  const overrides = options.overrides ?? {};
  const environment = options.environment ?? process.env;
  const file = substituteEnvironment(source.raw, environment);
  const line = substituteEnvironment(overrides, environment);
  const base = options.base ?? dirname(resolve(source.name));
  const merged = mergeConfig(
    resolveIn(complete(file.value as Record<string, unknown>), base),
    resolveIn(line.value, options.workingFolder ?? process.cwd()),
  ) as Record<string, unknown>;
  const error = (found: readonly { readonly path: ConfigPath; readonly message: string }[]) =>
    new ConfigError(
      source.name,
      found.map(
        ({ path, message }): ConfigIssue => ({
          path: path.join('.'),
          at: isSet(overrides, path) ? COMMAND_LINE : source.locate(path),
          message,
        }),
      ),
    );
  const unset = [...file.issues, ...line.issues];
  if (unset.length > 0) throw error(unset);
  return { value: merged, fromEnvironment: new Set([...file.fromEnvironment, ...line.fromEnvironment]), error };
}

/**
 * Parses, and where a text from the environment stands in the place of a number or truth value, reads it as one and parses
 * again: `port: ${PORT}` means a number, `password: ${PASSWORD}` a text, whatever characters it has.
 */
export async function retryScalars<T extends object>(
  prepared: Prepared,
  section: string | undefined,
  value: unknown,
  parse: (value: unknown) => Promise<T>,
): Promise<T> {
  const first = await parse(value);
  if (!('findings' in first)) return first;
  let again = value;
  for (const { path, wrongType } of first.findings as readonly Finding[]) {
    if (!wrongType || !prepared.fromEnvironment.has(path.join('\0'))) continue;
    again = replaceScalar(again, section === undefined ? path : path.slice(1));
  }
  return again === value ? first : await parse(again);
}

function replaceScalar(value: unknown, path: ConfigPath): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return typeof value === 'string' ? (scalarOf(value) ?? value) : value;
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? replaceScalar(item, rest) : item));
  if (!isPlainObject(value)) return value;
  return { ...value, [step]: replaceScalar(value[String(step)], rest) };
}

function isSet(overrides: unknown, path: ConfigPath): boolean {
  let place = overrides;
  for (const step of path) {
    if (!isPlainObject(place)) return true;
    if (!Object.hasOwn(place, String(step))) return false;
    place = place[String(step)];
  }
  return path.length > 0;
}
