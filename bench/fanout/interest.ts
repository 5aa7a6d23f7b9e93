import { SeededRandom } from '../../src/adapters/simulated/seeded-random.ts';
import { SYMBOLS } from '../shared/rows.ts';

/** How much of what is published a subscriber takes: all, one symbol of a hundred, or half of them, each subscriber another half. */
export type Match = 1 | 0.01 | 'own';

const SEED = 'subscribers';
/** Of a hundred. */
const OWN_SYMBOLS = 50;

/** What each of so many subscribers takes, by the symbols' places; the same at every run. */
export function interests(match: Match, subscribers: number): readonly (readonly number[])[] {
  const all = SYMBOLS.map((_, index) => index);
  if (match === 1) return Array.from({ length: subscribers }, () => all);
  if (match === 0.01) return Array.from({ length: subscribers }, (_, index) => [index % SYMBOLS.length]);
  const random = new SeededRandom(SEED);
  return Array.from({ length: subscribers }, () => {
    const bytes = random.bytes(SYMBOLS.length * 4);
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return all
      .map((index) => ({ index, order: view.readUInt32LE(index * 4) }))
      .sort((a, b) => a.order - b.order)
      .slice(0, OWN_SYMBOLS)
      .map(({ index }) => index)
      .sort((a, b) => a - b);
  });
}

/** Their names. */
export function symbolsOf(takes: readonly number[]): string[] {
  return takes.map((index) => SYMBOLS[index] as string);
}
