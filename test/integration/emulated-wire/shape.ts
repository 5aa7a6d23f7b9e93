/** Fields whose text says in what state something is: there the words themselves count. */
const TELLING: ReadonlySet<string> = new Set([
  'type',
  'status',
  'state',
  'opener',
  'closer',
  'paymentType',
  'currency',
  'prefix',
  'network',
  'subsystem',
  'currentState',
  'previousState',
  'failureType',
  'txType',
  'commitmentFormat',
  'old_state',
  'new_state',
]);

/** Objects whose keys are data (ids, features), so that only what stands under them can be compared. */
const KEYED_BY_DATA = /(?:^|\.)(?:activated|deeplyConfirmed|recentlyConfirmed|unconfirmed)$/;
const HEX = /^[0-9a-f]+$/i;
/** Lengths that mean something: hashes and ids, keys, signatures. */
const HEX_LENGTHS: ReadonlySet<number> = new Set([64, 66, 128]);

/** How an answer differs from what was recorded, field by field and type by type; nothing where it does not. */
export function differences(recorded: unknown, answered: unknown, path = ''): readonly string[] {
  const [wanted, given] = [kindOf(recorded), kindOf(answered)];
  if (wanted !== given) return [`${path || 'answer'}: ${wanted} was recorded, ${given} was answered`];
  if (Array.isArray(recorded)) return ofArrays(recorded, answered as readonly unknown[], path);
  if (wanted === 'object') return ofObjects(recorded as Fields, answered as Fields, path);
  if (wanted !== 'string') return [];
  return ofTexts(recorded as string, answered as string, path);
}

/** A text with whatever differs from run to run taken out: ids, numbers. */
export function plain(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '<uuid>')
    .replace(/[0-9a-f]{64,66}/gi, '<id>')
    .replace(/\d+(\.\d+)?/g, '<number>');
}

type Fields = Readonly<Record<string, unknown>>;

function ofObjects(recorded: Fields, answered: Fields, path: string): readonly string[] {
  const at = (key: string) => (path === '' ? key : `${path}.${key}`);
  if (KEYED_BY_DATA.test(path) || Object.keys(recorded).some((key) => HEX.test(key) && key.length === 64)) {
    const [wanted, given] = [Object.values(recorded)[0], Object.values(answered)[0]];
    return wanted === undefined || given === undefined ? [] : differences(wanted, given, at('*'));
  }
  const missing = Object.keys(recorded).filter((key) => !(key in answered));
  const extra = Object.keys(answered).filter((key) => !(key in recorded));
  return [
    ...missing.map((key) => `${at(key)}: was recorded and is missing`),
    ...extra.map((key) => `${at(key)}: was not recorded and is there`),
    ...Object.keys(recorded).flatMap((key) => (key in answered ? differences(recorded[key], answered[key], at(key)) : [])),
  ];
}

/** Each item answered is like one of those recorded. */
function ofArrays(recorded: readonly unknown[], answered: readonly unknown[], path: string): readonly string[] {
  if (recorded.length === 0 || answered.length === 0) return [];
  return answered.flatMap((item) => {
    const compared = recorded.map((one) => differences(one, item, `${path}[]`));
    return compared.reduce((best, one) => (one.length < best.length ? one : best));
  });
}

function ofTexts(recorded: string, answered: string, path: string): readonly string[] {
  const key = path.slice(path.lastIndexOf('.') + 1);
  if (TELLING.has(key)) return recorded === answered ? [] : [`${path}: "${recorded}" was recorded, "${answered}" was answered`];
  const [wanted, given] = [formatOf(recorded), formatOf(answered)];
  return wanted === 'text' || wanted === given ? [] : [`${path || 'answer'}: ${wanted} was recorded, ${given} was answered`];
}

function formatOf(text: string): string {
  if (/^ln(bcrt|bc|tb)/.test(text)) return 'payment request';
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return 'uuid';
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return 'time';
  if (/^[0-9a-f]{64}:\d+$/i.test(text)) return 'outpoint';
  if (/^\d+x\d+x\d+$/.test(text)) return 'short channel id';
  if (HEX.test(text) && HEX_LENGTHS.has(text.length)) return `hex of ${text.length / 2} bytes`;
  return 'text';
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
