import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

type Json = Record<string, unknown>;

/** A message as docs/asyncapi.yaml describes it. */
export interface DescribedMessage {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly payload: Json;
  readonly examples: readonly Json[];
}

/** The document itself. */
export const document: Json = parse(readFileSync(new URL('../../../../docs/asyncapi.yaml', import.meta.url), 'utf8'));

/** What a path in the document names, `/components/messages`. */
export function at(path: string): unknown {
  return path
    .split('/')
    .filter((part) => part !== '')
    .reduce((node: unknown, part) => (node as Json)[part], document);
}

/** Every message of the document, its payload as a schema that allows no field but those described. */
export const describedMessages: ReadonlyMap<string, DescribedMessage> = new Map(
  Object.entries(at('/components/messages') as Record<string, Json>).map(([name, message]) => {
    const payload = strict(message['payload']) as Json;
    const examples = (message['examples'] as { payload: Json }[]).map((example) => example.payload);
    return [name, { name, payload, schema: z.fromJSONSchema(payload), examples }];
  }),
);

/** Checks a message from the server against the document. @throws where it is not as described. */
export function checkAgainstDocument(message: Json): void {
  const described = describedMessages.get(String(message['op']));
  if (described === undefined) throw new Error(`the document does not know the operation ${String(message['op'])}`);
  described.schema.parse(message);
}

/** References resolved; an object of named properties has those only. */
function strict(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strict);
  if (typeof node !== 'object' || node === null) return node;
  const { $ref, ...rest } = node as Json;
  const resolved = typeof $ref === 'string' ? { ...(at($ref.slice(1)) as Json), ...rest } : rest;
  const entries = Object.fromEntries(Object.entries(resolved).map(([key, value]) => [key, strict(value)]));
  return 'properties' in entries && entries['type'] === 'object' ? { ...entries, additionalProperties: false } : entries;
}
