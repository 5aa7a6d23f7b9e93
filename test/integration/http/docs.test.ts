import { expect, test } from 'vitest';
import { asPattern, openTranscriptShell, transcriptsOf } from '../../support/transcripts.ts';
import { openWorld } from './support/world.ts';

const PAGE = new URL('../../../docs/http.md', import.meta.url);

test('the transcripts of docs/http.md are what curl shows', async () => {
  const world = await openWorld();
  const shell = await openTranscriptShell({
    replace: { 'http://127.0.0.1:8080': world.url },
    variables: ['TOKEN', 'PREIMAGE', 'QUOTE'],
    pay: async (invoice) => JSON.stringify({ status: 'settled', preimage: await world.pay(invoice) }),
  });
  try {
    world.tickerplant.publish('trade', [
      ['2026-11-20T14:30:00.000Z', 'AAPL', 39.81, 100],
      ['2026-11-20T14:30:00.000Z', 'GOOG', 71.25, 10],
    ]);
    const blocks = await transcriptsOf(PAGE);
    expect(blocks.length).toBe(6);
    for (const steps of blocks) {
      if (steps.some(({ command }) => command.includes('/v1/events'))) {
        world.tickerplant.publish('trade', [
          ['2026-11-20T14:30:01.000Z', 'AAPL', 39.82, 100],
          ['2026-11-20T14:30:01.000Z', 'GOOG', 71.3, 50],
        ]);
      }
      for (const { command, output } of steps) expect((await shell.run(command)).trim(), command).toMatch(asPattern(output));
    }
  } finally {
    await shell[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  }
}, 60_000);
