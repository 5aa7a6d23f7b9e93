import { beforeAll, describe, expect, test } from 'vitest';
import { type ClnRecording, clnRecordings } from '../../fixtures/wire/recordings.ts';
import { clnScenario } from './cln-scenario.ts';
import type { ClnAnswer } from './cln-socket.ts';
import { knownDifferences, whyNotAsked } from './known-differences.ts';
import { differences, plain } from './shape.ts';

describe('the emulated Core Lightning answers as the recorded one did', () => {
  const recordings = clnRecordings().filter(({ name }) => whyNotAsked('cln', name) === undefined);
  const known = knownDifferences('cln');
  let answers: ReadonlyMap<string, ClnAnswer> = new Map();

  beforeAll(async () => {
    answers = await clnScenario();
  }, 60_000);

  for (const recording of recordings) {
    test(recording.name, () => {
      const found = compared(recording, answers.get(recording.name));
      const isKnown = (difference: string) => known.some((one) => one.recording.test(recording.name) && one.difference.test(difference));
      expect(found.filter((difference) => !isKnown(difference))).toEqual([]);
    });
  }

  for (const { recording, difference, why } of known) {
    test(`what is known to differ still does: ${why}`, () => {
      const about = recordings.filter(({ name }) => recording.test(name));
      expect(about.every((one) => compared(one, answers.get(one.name)).some((found) => difference.test(found)))).toBe(true);
    });
  }
});

function compared({ result, error }: ClnRecording, answer: ClnAnswer | undefined): readonly string[] {
  if (answer === undefined) return ['it was not asked for'];
  const found = [...differences(error === undefined ? { result } : { error }, answer)];
  if (error === undefined || !('error' in answer)) return found;
  const { code, message } = answer.error;
  if (code !== error.code) found.push(`error.code: ${error.code} was recorded, ${code} was answered`);
  if (plain(message) !== plain(error.message)) found.push(`error.message: "${error.message}" was recorded, "${message}" was answered`);
  return found;
}
