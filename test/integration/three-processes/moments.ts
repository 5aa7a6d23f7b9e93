import { SeededRandom } from '../../../src/adapters/simulated/seeded-random.ts';

/** Whole numbers below the one given, the same ones for the same seed. */
export function momentsOf(seed: number): (below: number) => number {
  const seeded = new SeededRandom(seed);
  return (below) => Buffer.from(seeded.bytes(4)).readUInt32LE() % below;
}
