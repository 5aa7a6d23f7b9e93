import { z } from 'zod';
import type { AnswerDoc, Route } from './route.ts';
import { errorSchema, paymentRequiredSchema } from './schemas.ts';

type Json = Record<string, unknown>;

const JSON_TYPE = 'application/json';
const DESCRIPTION = `Rows of a tickerplant that is paid over Lightning. No accounts.

Ask for what you want without a credential: a paid operation answers 402 with an invoice and a token (L402), and so does \`POST /v1/quotes\`. Pay the invoice with any Lightning wallet, then ask again with \`Authorization: L402 <token>:<preimage>\`; \`Bearer <token>\` does too once the payment has arrived. The token is a password.

Amounts are decimal strings of millisatoshi, times ISO 8601 in UTC. Fields may be added anywhere: ignore those that you don't know.`;

/** Answers that every operation may give, whatever it is. */
const COMMON: Readonly<Record<number, AnswerDoc>> = {
  400: { description: 'Something in the request can not be meant; the message names it.', schema: errorSchema },
  408: { description: 'The request did not arrive in time.', schema: errorSchema },
  413: { description: 'The body is too large.', schema: errorSchema },
  429: { description: 'Too many requests, quotes or streams; `Retry-After` says when to come again.', schema: errorSchema },
  431: { description: 'URL and headers are too large.', schema: errorSchema },
  500: { description: "The seller's fault.", schema: errorSchema },
  503: { description: 'Not at the moment; `Retry-After` says when to come again.', schema: errorSchema },
};

/** The description of the interface (OpenAPI 3.1), made of what validates. */
export function openApi(routes: readonly Route[], server: string): Json {
  const paths: Record<string, Json> = {};
  for (const each of routes) {
    const path = each.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: operationOf(each) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Tickerplant paid over Lightning', version: '1', description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: server }],
    tags: [
      { name: 'selling', description: 'What is on sale, and buying it.' },
      { name: 'rows', description: 'What was bought.' },
      { name: 'devices', description: "For devices that share the seller's node; `Bearer` and the device's token." },
      { name: 'service', description: 'For whoever runs it.' },
    ],
    paths,
    components: {
      securitySchemes: {
        l402: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`L402 <token>:<preimage>`; `LSAT` does too.' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The token alone, once its payment has arrived.' },
        operator: { type: 'http', scheme: 'bearer', description: "A token of the seller's own: `tickerplant access token`." },
      },
    },
  };
}

function operationOf(each: Route): Json {
  const { access, answers } = each;
  const isForOperators = access === 'publisher' || access === 'admin';
  const gated = { description: 'The credential is not good (any more).', schema: errorSchema };
  const described: Readonly<Record<number, AnswerDoc>> = {
    ...COMMON,
    ...(access !== 'free' || each.id === 'createQuote' ? { 401: gated } : {}),
    ...(isForOperators
      ? { 403: { description: 'The token is for something else, or may not be used from there.', schema: errorSchema } }
      : {}),
    ...(access === 'paid' || each.id === 'createQuote'
      ? {
          402: {
            description: 'To be paid first: the invoice and the token stand in `WWW-Authenticate` and in the body.',
            schema: paymentRequiredSchema,
          },
        }
      : {}),
    ...(each.body === undefined ? {} : { 415: { description: 'The body is not JSON.', schema: errorSchema } }),
    ...answers,
  };
  const secured = isForOperators
    ? [{ operator: [] }]
    : access === 'paid'
      ? [{ l402: [] }, { bearer: [] }, {}]
      : [{ l402: [] }, { bearer: [] }];
  return {
    operationId: each.id,
    summary: each.summary,
    ...(each.description !== undefined && { description: each.description }),
    tags: [each.tag],
    ...(access !== 'free' && { security: secured }),
    parameters: [...parametersIn('path', each.params), ...parametersIn('query', each.query), ...headersOf(each)],
    ...(each.body !== undefined && {
      requestBody: { required: each.isBodyOptional !== true, content: { [JSON_TYPE]: { schema: inputSchema(each.body) } } },
    }),
    responses: Object.fromEntries(Object.entries(described).map(([status, doc]) => [status, answerOf(Number(status), doc)])),
  };
}

function answerOf(status: number, { description, schema, contentTypes = [JSON_TYPE] }: AnswerDoc): Json {
  const body = schema ?? (status >= 400 ? errorSchema : undefined);
  const content = contentTypes.map((type) => [type, type === JSON_TYPE && body !== undefined ? { schema: outputSchema(body) } : {}]);
  const challenge = { 'WWW-Authenticate': { description: 'What to do, and how.', schema: { type: 'string' } } };
  return { description, content: Object.fromEntries(content), ...((status === 401 || status === 402) && { headers: challenge }) };
}

function parametersIn(place: 'path' | 'query', schema: z.ZodType | undefined): readonly Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = inputSchema(schema) as { properties?: Record<string, Json>; required?: readonly string[] };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

function headersOf({ headers = {} }: Route): readonly Json[] {
  return (
    Object.entries(headers)
      // OpenAPI has Accept in the answers' content types.
      .filter(([name]) => name !== 'Accept')
      .map(([name, { description, pattern }]) => ({
        name,
        in: 'header',
        required: false,
        description,
        schema: { type: 'string', ...(pattern !== undefined && { pattern: pattern.source }) },
      }))
  );
}

function inputSchema(schema: z.ZodType): Json {
  return plain(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
}

function outputSchema(schema: z.ZodType): Json {
  return plain(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }));
}

function plain({ $schema: _, ...schema }: Json): Json {
  return schema;
}
