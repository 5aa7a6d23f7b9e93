/** A value of JSON. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A place in a value: the keys that lead there. */
export type JsonPath = readonly (string | number)[];

/** Every place in a value, its own included. */
export function pathsOf(value: JsonValue, at: JsonPath = []): readonly JsonPath[] {
  if (Array.isArray(value)) return [at, ...value.flatMap((item, index) => pathsOf(item, [...at, index]))];
  if (typeof value === 'object' && value !== null) {
    return [at, ...Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...at, key]))];
  }
  return [at];
}

/** The value with another one at a place; `undefined` takes away what stands there. */
export function withAt(value: JsonValue, path: JsonPath, put: JsonValue | undefined): JsonValue {
  const [step, ...rest] = path;
  if (step === undefined) return put ?? null;
  if (Array.isArray(value)) {
    const items: JsonValue[] = [...value];
    if (rest.length === 0 && put === undefined) items.splice(Number(step), 1);
    else items[Number(step)] = withAt(items[Number(step)] ?? null, rest, put);
    return items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const changed = entries.flatMap(([key, item]): [string, JsonValue][] => {
    if (key !== String(step)) return [[key, item]];
    return rest.length === 0 && put === undefined ? [] : [[key, withAt(item, rest, put)]];
  });
  return Object.fromEntries(changed);
}
