import { isPlainObject } from './environment.ts';
import type { Config } from './parse.ts';

const MASK = '***';
/** Masked wherever they stand, whatever an adapter says. */
const SECRET_NAME = /password|passwd|secret|token|api_?key|seed_?phrase/i;
const URL_LOGIN = /^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/i;

/** The config as it is in effect, secrets masked: what `config print` shows. It can be read back, but for the masks. */
export function printableConfig(config: Config): Record<string, unknown> {
  const secrets = new Set(config.backend.definition.secrets);
  const { backend, ...rest } = config.effective;
  const parsed: Readonly<Record<string, unknown>> = {
    transports: config.transports,
    feed: config.feed,
    access: config.access,
    ledger: config.ledger,
    listener: config.listener,
    journal: config.journal,
    limits: config.limits,
  };
  const filled = Object.fromEntries(Object.entries({ limits: {}, ...rest }).map(([name, section]) => [name, fill(section, parsed[name])]));
  const quotes = { expiry: `${config.quoteExpirySeconds}s` };
  const { endOfDay } = config;
  const stop = { deadline: `${config.stopDeadlineMs}ms` };
  // A config that was looked up (Polar's) is shown as what it came down to.
  const inEffect = config.backend.via === undefined ? fill(backend, config.backend.config) : config.backend.config;
  return mask(
    { backend: inEffect, ...filled, slowConsumer: config.slowConsumer, quotes, endOfDay, stop, log: config.log },
    secrets,
  ) as Record<string, unknown>;
}

/** Adds to what was written the defaults that parsing gave it, where they have the form that they can be written in. */
function fill(written: unknown, parsed: unknown): unknown {
  if (!isPlainObject(written) || !isPlainObject(parsed)) return written;
  const filled: Record<string, unknown> = { ...written };
  for (const [key, value] of Object.entries(parsed)) {
    if (Object.hasOwn(filled, key)) filled[key] = fill(filled[key], value);
    else if (['string', 'number', 'boolean'].includes(typeof value)) filled[key] = value;
  }
  return filled;
}

function mask(value: unknown, secrets: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => mask(item, secrets));
  if (typeof value === 'string') return value.replace(URL_LOGIN, `$1${MASK}@`);
  if (typeof value === 'bigint') return String(value);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, secrets.has(key) || isSecret(key, item) ? MASK : mask(item, secrets)]),
  );
}

/** Not the name of a secret's file, nor a list of things that have secrets in them. */
function isSecret(key: string, value: unknown): boolean {
  return SECRET_NAME.test(key) && !key.endsWith('File') && !(Array.isArray(value) && value.every(isPlainObject));
}
