import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { REQUEST_OPS } from '../../../src/transport/websocket/requests.ts';
import { codePoint } from '../../support/code-point.ts';
import type { Client } from './support/client.ts';
import { type Running, run } from './support/run.ts';

let server: Running;
const logged: unknown[] = [];

beforeAll(async () => {
  server = await run({ logger: { ...silentLogger, child: () => ({ ...silentLogger, error: (fields) => void logged.push(fields) }) } });
});

afterAll(() => server[Symbol.asyncDispose]());

const anything = fc.oneof(fc.string(), fc.jsonValue(), fc.constantFrom('trade', '*', 's-1', 'q-1', 'token-of-s-1'));
const message = fc
  .record(
    {
      op: fc.oneof(fc.constantFrom(...REQUEST_OPS), anything),
      id: anything,
      table: anything,
      syms: fc.oneof(fc.constant('*'), fc.array(fc.constantFrom('AAPL', 'GOOG', 'IBM')), anything),
      token: anything,
      subscription: anything,
      after: fc.oneof(anything, fc.dictionary(fc.string(), fc.record({ epoch: fc.nat(), seqs: fc.dictionary(fc.string(), fc.nat()) }))),
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));
const frame = fc.oneof(
  message.map((data) => ({ data, binary: false })),
  fc.string({ unit: codePoint }).map((data) => ({ data, binary: false })),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => ({ data: Buffer.from(bytes), binary: true })),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => ({ data: Buffer.from(bytes), binary: false })),
);

test('whatever comes, the server answers each message or closes, and stays up', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 6 }), async (frames) => {
      await using buyer: Client = await server.client();
      for (const { data, binary } of frames) buyer.webSocket.send(data, { binary });
      buyer.send({ op: 'ping', id: 'the last' });
      try {
        await buyer.take((each) => each.op === 'pong' && each['id'] === 'the last');
        expect(buyer.messages.length).toBeGreaterThanOrEqual(frames.length);
      } catch (error) {
        if (buyer.closed === undefined) throw error;
        expect([1002, 1007]).toContain(buyer.closed.code);
        expect(buyer.messages.length).toBeGreaterThan(0);
      }
      expect(buyer.problems).toEqual([]);
    }),
    { numRuns: 150 },
  );
  expect(logged).toEqual([]);
});
