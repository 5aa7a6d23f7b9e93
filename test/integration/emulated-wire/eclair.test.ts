import { beforeAll, describe, expect, test } from 'vitest';
import { type EclairRecording, eclairRecordings } from '../../fixtures/wire/recordings.ts';
import { type EclairScenario, eclairScenario } from './eclair-scenario.ts';
import { knownDifferences, whyNotAsked } from './known-differences.ts';
import { differences, plain } from './shape.ts';

describe('the emulated eclair answers as the recorded one did', () => {
  const recordings = eclairRecordings().filter(({ name }) => whyNotAsked('eclair', name) === undefined);
  const known = knownDifferences('eclair');
  let scenario: EclairScenario = { answers: new Map(), events: [] };

  beforeAll(async () => {
    scenario = await eclairScenario();
  }, 60_000);

  for (const [index, recording] of recordings.entries()) {
    test(`${index + 1} ${recording.name}`, () => {
      const isKnown = (difference: string) => known.some((one) => one.recording.test(recording.name) && one.difference.test(difference));
      expect(compared(recording, scenario).filter((difference) => !isKnown(difference))).toEqual([]);
    });
  }

  for (const { recording, difference, why } of known) {
    test(`what is known to differ still does: ${why}`, () => {
      const about = recordings.filter(({ name }) => recording.test(name));
      expect(about.every((one) => compared(one, scenario).some((found) => difference.test(found)))).toBe(true);
    });
  }
});

function compared({ name, websocket, status, contentType, body }: EclairRecording, { answers, events }: EclairScenario): readonly string[] {
  if (websocket !== undefined) {
    const ofType = events.filter(({ type }) => type === websocket['type']).map((event) => differences(websocket, event));
    return ofType.length === 0 ? ['it was not told'] : ofType.reduce((best, one) => (one.length < best.length ? one : best));
  }
  const answer = answers.get(name);
  if (answer === undefined) return ['it was not asked for'];
  const found = [...differences(body, answer.body)];
  if (answer.status !== status) found.push(`status: ${status} was recorded, ${answer.status} was answered: ${JSON.stringify(answer.body)}`);
  if (answer.contentType !== contentType) found.push(`type: ${contentType} was recorded, ${answer.contentType} was answered`);
  const [wanted, given] = [textOf(body), textOf(answer.body)];
  if (wanted !== undefined && given !== undefined && plain(wanted) !== plain(given))
    found.push(`text: "${wanted}" was recorded, "${given}" was answered`);
  return found;
}

/** What an answer says in words: a text, or an error. A text without a space is an id or an address. */
function textOf(body: unknown): string | undefined {
  const text = typeof body === 'string' ? body : (body as { error?: unknown } | null)?.error;
  return typeof text === 'string' && text.includes(' ') ? text : undefined;
}
