import type { z } from 'zod';
import type { TickerplantLimits } from '../../core/tickerplant/limits.ts';
import type { TableDefinition } from '../../core/tickerplant/schema.ts';
import type { FeedConfig } from '../../feed/config.ts';
import { type ListenerConfig, listenerSchema } from '../../listener/config.ts';
import { type BackendConfig, parseBackend } from './backend.ts';
import { isPlainObject } from './environment.ts';
import type { ConfigPath } from './errors.ts';
import { type Finding, findings } from './issues.ts';
import { checkCertificates, checkDeviceDoors, checkListening, checkTokenTables } from './listening.ts';
import { mergeConfig } from './overrides.ts';
import { resolveAllPaths } from './paths.ts';
import { type ParseOptions, prepare, retryScalars } from './prepare.ts';
import { limitsSchema, logSchema, type Sections, sectionsSchema } from './schema.ts';
import type { ConfigSource } from './source.ts';
import { DEFAULT_TABLES } from './tables.ts';

/** A config without its backend, parsed: what an embedder with a backend of their own has. */
export interface BaseConfig {
  /** Where it came from, for messages. */
  readonly source: string;
  readonly tables: readonly TableDefinition[];
  /** Undefined where rows come from elsewhere (`publish`). */
  readonly feed: FeedConfig | undefined;
  readonly transports: Sections['transports'];
  readonly access: Sections['access'];
  readonly devices: Sections['devices'];
  readonly ledger: Sections['ledger'];
  /** Undefined where the node itself tells what was paid. */
  readonly listener: Sections['listener'];
  readonly journal: Sections['journal'];
  readonly limits: TickerplantLimits;
  readonly slowConsumer: Sections['slowConsumer'];
  readonly quoteExpirySeconds: number;
  readonly settlements: Sections['settlements'];
  readonly endOfDay: Sections['endOfDay'];
  /** How long a stop lets buyers take what is on its way to them, milliseconds. */
  readonly stopDeadlineMs: number;
  readonly log: Sections['log'];
  /** What was written, with environment, command line and default sections filled in and paths made absolute: for printing. Holds secrets. */
  readonly effective: Readonly<Record<string, unknown>>;
}

/** A config, parsed: the one form that the rest of the app knows. */
export interface Config extends BaseConfig {
  readonly backend: BackendConfig;
}

/** Parses a whole config. @throws ConfigError with everything that is wrong with it. */
export async function parseConfig(source: ConfigSource, options: ParseOptions = {}): Promise<Config> {
  const prepared = prepare(source, options, withDefaults);
  const { backend: rawBackend, ...rest } = prepared.value;
  const forcePublic = options.forcePublic === true || (isPlainObject(rawBackend) && rawBackend['forcePublic'] === true);
  const backend = await retryScalars(prepared, 'backend', withoutForce(rawBackend), (value) => parseBackend(value, options.adapters));
  const sections = await retryScalars(prepared, undefined, rest, parseSections);
  if ('findings' in backend || 'findings' in sections) {
    throw prepared.error([...('findings' in backend ? backend.findings : []), ...('findings' in sections ? sections.findings : [])]);
  }
  const exposed = Object.entries(sections.sections.transports).flatMap(([name, transport]) =>
    checkListening(backend.backend.kind, hostOf(transport), forcePublic, name),
  );
  if (exposed.length > 0) throw prepared.error(exposed);
  return { ...toBase(source, sections.sections, prepared.value), backend: backend.backend };
}

/** Where a transport can be reached: its own address, or that of the broker that it is a client of. */
function hostOf(transport: Sections['transports'][keyof Sections['transports']]): string | undefined {
  if (transport === undefined) return undefined;
  return 'broker' in transport ? new URL(transport.broker).hostname : transport.host;
}

/** Parses a config that has no `backend:`, since the caller brings one. @throws ConfigError. */
export async function parseBaseConfig(source: ConfigSource, options: ParseOptions = {}): Promise<BaseConfig> {
  const prepared = prepare(source, options, withDefaults);
  const sections = await retryScalars(prepared, undefined, prepared.value, parseSections);
  if ('findings' in sections) throw prepared.error(sections.findings);
  return toBase(source, sections.sections, prepared.value);
}

/** Parses a wallet: a config of `backend:` alone. @throws ConfigError. */
export async function parseWalletConfig(source: ConfigSource, options: ParseOptions = {}): Promise<BackendConfig> {
  const prepared = prepare(source, options, (raw) => raw);
  const found: Finding[] = Object.keys(prepared.value)
    .filter((key) => key !== 'backend' && options.backendOfAny !== true)
    .map((key) => ({ path: [key], message: 'does not belong in a wallet, which is a file with backend: alone', wrongType: false }));
  const parsed = await retryScalars(prepared, 'backend', withoutForce(prepared.value['backend']), (value) =>
    parseBackend(value, options.adapters),
  );
  if ('findings' in parsed) found.push(...parsed.findings);
  if (found.length > 0 || 'findings' in parsed) throw prepared.error(found);
  return parsed.backend;
}

/** What a store takes of a server's config, or of a wallet. */
export interface StoreFileConfig {
  readonly backend: BackendConfig;
  readonly limits: TickerplantLimits;
}

/** Parses `backend:` and `limits:` of a config, whatever else stands there. @throws ConfigError with everything that is wrong with them. */
export async function parseStoreConfig(source: ConfigSource, options: ParseOptions = {}): Promise<StoreFileConfig> {
  const prepared = prepare(source, options, (raw) => raw);
  const { backend: rawBackend, limits: rawLimits } = prepared.value;
  const backend = await retryScalars(prepared, 'backend', withoutForce(rawBackend), (value) => parseBackend(value, options.adapters));
  const limits = await retryScalars(prepared, 'limits', rawLimits ?? undefined, async (value) => parsedBy(limitsSchema, value, ['limits']));
  if ('findings' in backend || 'findings' in limits)
    throw prepared.error([backend, limits].flatMap((part) => ('findings' in part ? part.findings : [])));
  return { backend: backend.backend, limits: limits.data };
}

/** A listener's file, parsed. */
export interface ListenerFileConfig extends ListenerConfig {
  readonly source: string;
  readonly backend: BackendConfig;
  readonly log: Sections['log'];
}

/** Parses the config of a listener process. @throws ConfigError with everything that is wrong with it. */
export async function parseListenerConfig(source: ConfigSource, options: ParseOptions = {}): Promise<ListenerFileConfig> {
  const prepared = prepare(source, options, withListenerDefaults, resolveAllPaths);
  const { backend: rawBackend, log: rawLog, ...rest } = prepared.value;
  const backend = await retryScalars(prepared, 'backend', withoutForce(rawBackend), (value) => parseBackend(value, options.adapters));
  const sections = await retryScalars(prepared, undefined, rest, async (value) => parsedBy(listenerSchema, value));
  const log = await retryScalars(prepared, 'log', rawLog, async (value) => parsedBy(logSchema, value, ['log']));
  if ('findings' in backend || 'findings' in sections || 'findings' in log) {
    throw prepared.error([backend, sections, log].flatMap((part) => ('findings' in part ? part.findings : [])));
  }
  return { ...sections.data, source: source.name, backend: backend.backend, log: log.data };
}

function parsedBy<T>(
  schema: z.ZodType<T>,
  value: unknown,
  prefix: ConfigPath = [],
): { readonly data: T } | { readonly findings: readonly Finding[] } {
  const parsed = schema.safeParse(value);
  return parsed.success ? { data: parsed.data } : { findings: findings(schema, parsed.error.issues, prefix) };
}

/** Parses a file of a schema of its own, with environment, overrides and paths as in a config. @throws ConfigError. */
export async function parseFile<T>(
  schema: z.ZodType<T>,
  source: ConfigSource,
  options: ParseOptions = {},
  complete: (raw: Record<string, unknown>) => Record<string, unknown> = (raw) => raw,
): Promise<T> {
  const prepared = prepare(source, options, complete, resolveAllPaths);
  const parsed = await retryScalars(prepared, undefined, prepared.value, async (value) => {
    const result = await schema.safeParseAsync(value);
    return result.success ? { data: result.data } : { findings: findings(schema, result.error.issues) };
  });
  if ('findings' in parsed) throw prepared.error(parsed.findings);
  return parsed.data;
}

/** A section that is not there, or is empty, has its defaults; they stand in the text so that relative paths begin where the config is. */
function withDefaults(raw: Record<string, unknown>): Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null && value !== undefined));
  const transports = given['transports'];
  return {
    ...given,
    tables: given['tables'] ?? DEFAULT_TABLES,
    transports: isPlainObject(transports)
      ? Object.fromEntries(Object.entries(transports).map(([name, value]) => [name, withTls(value ?? {})]))
      : (transports ?? { websocket: {} }),
    access: mergeConfig({ tokensFile: 'data/access.json' }, given['access'] ?? {}),
    ledger: mergeConfig({ kind: 'sqlite', path: 'data/ledger.db' }, given['ledger'] ?? {}),
    journal: mergeConfig({ dir: 'data/journal' }, given['journal'] ?? {}),
  };
}

/** The same of a listener's file. */
function withListenerDefaults(raw: Record<string, unknown>): Record<string, unknown> {
  const listen = Object.hasOwn(raw, 'listen') ? { listen: withTls(raw['listen']) } : {};
  return mergeConfig({ outbox: { path: 'data/outbox.db' } }, { ...raw, ...listen }) as Record<string, unknown>;
}

/** `tls: generate` in full, so that the folder is where the config is. */
function withTls(transport: unknown): unknown {
  if (!isPlainObject(transport)) return transport;
  const { tls } = transport;
  const given = tls === 'generate' ? { generate: true } : tls;
  return isPlainObject(given) && given['generate'] === true ? { ...transport, tls: { dir: 'data/tls', ...given } } : transport;
}

/** `forcePublic` is ours, not the adapter's. */
function withoutForce(backend: unknown): unknown {
  if (!isPlainObject(backend) || typeof backend['forcePublic'] !== 'boolean') return backend;
  const { forcePublic: _, ...rest } = backend;
  return rest;
}

async function parseSections(value: unknown): Promise<{ readonly sections: Sections } | { readonly findings: readonly Finding[] }> {
  const parsed = sectionsSchema.safeParse(value);
  if (!parsed.success) return { findings: findings(sectionsSchema, parsed.error.issues) };
  const found = [...checkCertificates(parsed.data.transports), ...checkTokenTables(parsed.data), ...checkDeviceDoors(parsed.data)];
  return found.length > 0 ? { findings: found } : { sections: parsed.data };
}

function toBase(source: ConfigSource, sections: Sections, effective: Readonly<Record<string, unknown>>): BaseConfig {
  const {
    tables,
    feed,
    transports,
    access,
    devices,
    ledger,
    listener,
    journal,
    limits,
    slowConsumer,
    quotes,
    settlements,
    endOfDay,
    stop,
    log,
  } = sections;
  return {
    source: source.name,
    tables,
    feed,
    transports,
    access,
    devices,
    ledger,
    listener,
    journal,
    limits,
    slowConsumer,
    quoteExpirySeconds: Math.floor(quotes.expiry / 1000),
    settlements,
    endOfDay,
    stopDeadlineMs: stop.deadline,
    log,
    effective,
  };
}
