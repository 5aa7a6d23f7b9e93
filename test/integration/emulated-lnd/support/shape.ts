/** A type of value on the wire, as fine as the recordings tell: numbers as text are told from other text. */
function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return 'list';
  if (typeof value !== 'string') return typeof value;
  if (/^-?\d+$/.test(value)) return 'number as text';
  return /^[A-Z][A-Z0-9_]+$/.test(value) ? 'name' : 'text';
}

/**
 * Where an answer has another form than the recording: fields that one has and the other has not, and fields of another type.
 * Lists are compared by their first items; maps by number (features) by the form of their values. Text may be empty; where lnd had
 * nothing, there may be something.
 */
export function differences(actual: unknown, recorded: unknown, path = ''): readonly string[] {
  const [is, was] = [typeOf(actual), typeOf(recorded)];
  if (actual === '' && (was === 'number as text' || was === 'name')) return [];
  if (recorded === '' && (is === 'number as text' || is === 'name')) return [];
  if (is === 'null' && was === 'object') return [`${path}: nothing where there is something`];
  if (is !== was && !(was === 'null' && is === 'object')) return [`${path}: ${is} and not ${was}`];
  if (is === 'list') {
    const [ours, theirs] = [actual as readonly unknown[], recorded as readonly unknown[]];
    return ours.length === 0 || theirs.length === 0 ? [] : differences(ours[0], theirs[0], `${path}[]`);
  }
  if (is !== 'object' || was !== 'object') return [];
  const [ours, theirs] = [actual as Record<string, unknown>, recorded as Record<string, unknown>];
  if (isMap(ours) || isMap(theirs)) {
    const [one, other] = [Object.values(ours)[0], Object.values(theirs)[0]];
    return one === undefined || other === undefined ? [] : differences(one, other, `${path}{}`);
  }
  const missing = Object.keys(theirs).filter((key) => !(key in ours));
  const added = Object.keys(ours).filter((key) => !(key in theirs));
  return [
    ...missing.map((key) => `${path}.${key}: missing`),
    ...added.map((key) => `${path}.${key}: not in the recording`),
    ...Object.keys(ours).flatMap((key) => (key in theirs ? differences(ours[key], theirs[key], `${path}.${key}`) : [])),
  ];
}

function isMap(value: Record<string, unknown>): boolean {
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => /^\d+$/.test(key));
}
