import { parse } from 'yaml';
import { isPlainObject } from './environment.ts';
import { ConfigError } from './errors.ts';

/** The source's name of what `--set` gave. */
export const COMMAND_LINE = '--set';

/**
 * Reads `a.b=c` arguments into one object; the value is YAML (`[AAPL, GOOG]`, `5011`, `'007'`), nothing after `=` is empty text.
 * @throws ConfigError for an argument without `=` or with an empty key, and where one sets a key inside another's value.
 */
export function parseOverrides(settings: readonly string[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    const keys = setting.slice(0, Math.max(equals, 0)).split('.');
    if (equals < 0 || keys.some((key) => key === ''))
      throw wrong(`${equals < 0 ? 'without =' : 'with an empty key'}; write --set a.b=value`);
    let place = root;
    for (const key of keys.slice(0, -1)) {
      if (!Object.hasOwn(place, key)) define(place, key, {});
      const next = place[key];
      if (!isPlainObject(next)) throw wrong(`${keys.join('.')}: ${key} was set to a value by another --set`);
      place = next;
    }
    define(place, keys.at(-1) as string, readValue(keys, setting.slice(equals + 1)));
  }
  return root;
}

/** One config over another: objects are merged, anything else is replaced. */
export function mergeConfig(base: unknown, over: unknown): unknown {
  if (!isPlainObject(base) || !isPlainObject(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) define(merged, key, Object.hasOwn(base, key) ? mergeConfig(base[key], value) : value);
  return merged;
}

/** Sets a key as data, whatever its name: `__proto__` is no way in. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function readValue(keys: readonly string[], text: string): unknown {
  if (text === '') return '';
  try {
    return parse(text);
  } catch {
    throw wrong(`${keys.join('.')}: the value is not valid YAML; put quotes round a text with special characters`);
  }
}

function wrong(message: string): ConfigError {
  return new ConfigError(COMMAND_LINE, [{ path: '', at: undefined, message }]);
}
