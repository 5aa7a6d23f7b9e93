/**
 * JSON in which amounts and node-given numbers survive: a bigint is written as a decimal string, and read back as one where
 * its field's name says that it is a number of that kind (`…Msat`, or `index`). Anything else stays as JSON has it.
 */
export function encode(value: unknown): string {
  return JSON.stringify(value, (_key, field) => (typeof field === 'bigint' ? field.toString() : field));
}

/** Reads what {@link encode} wrote. @throws SyntaxError when it is not JSON. */
export function decode(text: string): unknown {
  return JSON.parse(text, (key, field) =>
    isAmount(key) && typeof field === 'string' && /^-?\d{1,24}$/.test(field) ? BigInt(field) : field,
  );
}

function isAmount(key: string): boolean {
  return key.endsWith('Msat') || key === 'index';
}
