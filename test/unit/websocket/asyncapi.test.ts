import { expect, test } from 'vitest';
import { SERVER_OPS } from '../../../src/transport/shared/messages.ts';
import { WIRE_ERRORS } from '../../../src/transport/websocket/errors.ts';
import { parseRequest, REQUEST_OPS } from '../../../src/transport/websocket/requests.ts';
import { at, checkAgainstDocument, describedMessages, document } from '../../integration/websocket/support/asyncapi.ts';

type Reference = { readonly $ref: string };
const sorted = (names: Iterable<string>): readonly string[] => [...names].sort();
const allExamples = [...describedMessages.values()].flatMap(({ name, examples }) => examples.map((example) => ({ name, example })));

test('every operation of the code is described, and nothing else is', () => {
  expect(sorted(describedMessages.keys())).toEqual(sorted([...REQUEST_OPS, ...SERVER_OPS]));
  expect(sorted(Object.keys(at('/channels/tickerplant/messages') as object))).toEqual(sorted(describedMessages.keys()));
});

test('every error code of the core is described', () => {
  const codes = at('/components/messages/error/payload/properties/code/enum') as string[];
  expect(sorted(codes)).toEqual(sorted(Object.values(WIRE_ERRORS).map(({ code }) => code)));
});

test('every message has an example', () => {
  expect([...describedMessages.values()].filter(({ examples }) => examples.length === 0)).toEqual([]);
});

test.each(allExamples)('an example of $name is as described: $example', ({ name, example }) => {
  expect(example['op']).toBe(name);
  expect(describedMessages.get(name)?.schema.safeParse(example).error).toBeUndefined();
});

test.each(allExamples.filter(({ name }) => (REQUEST_OPS as readonly string[]).includes(name)))(
  'the server reads the example of $name: $example',
  ({ example }) => {
    expect(parseRequest(JSON.stringify(example), { maxSymbolsPerMessage: 10 })).toMatchObject({ kind: 'request', request: example });
  },
);

test('requests are received, all else is sent', () => {
  const operations = Object.values(
    document['operations'] as Record<string, { action: string; messages: Reference[]; reply?: { messages: Reference[] } }>,
  );
  const namesOf = (references: readonly Reference[]) => references.map(({ $ref }) => $ref.split('/').at(-1) as string);
  const received = operations.filter(({ action }) => action === 'receive').flatMap(({ messages }) => namesOf(messages));
  const sent = operations.flatMap(({ action, messages, reply }) => [
    ...(action === 'send' ? namesOf(messages) : []),
    ...namesOf(reply?.messages ?? []),
  ]);
  expect(sorted(received)).toEqual(sorted(REQUEST_OPS));
  expect(sorted(new Set(sent))).toEqual(sorted(SERVER_OPS));
});

test('every reference leads somewhere', () => {
  const references = JSON.stringify(document).match(/"#\/[^"]+"/g) ?? [];
  expect(references.length).toBeGreaterThan(0);
  for (const reference of new Set(references)) expect(at(reference.slice(2, -1)), reference).toBeDefined();
});

test('a message that is not as described is noticed', () => {
  const pong = { op: 'pong', id: '1' };
  expect(() => checkAgainstDocument(pong)).not.toThrow();
  expect(() => checkAgainstDocument({ ...pong, undescribed: 1 })).toThrow();
  expect(() => checkAgainstDocument({ op: 'pong', id: {} })).toThrow();
  expect(() => checkAgainstDocument({ op: 'pang' })).toThrow();
});
