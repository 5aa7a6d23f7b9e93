import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { bearerOf } from '../shared/access/bearer.ts';
import type { Operator, OperatorRole } from '../shared/access/operators.ts';
import type { Answer, Call, Route } from './route.ts';
import type { Services } from './services.ts';

const SHOWN_LENGTH = 300;

/** Puts a route on the server: checks what comes by the route's schemas, and sends what its handler answers. */
export function register(server: FastifyInstance, route: Route, services: Services): void {
  const { access } = route;
  const isForOperators = access === 'publisher' || access === 'admin';
  const operators = new WeakMap<FastifyRequest, Operator>();
  server.route({
    method: route.method,
    url: route.path,
    ...(route.bodyLimit !== undefined && { bodyLimit: route.bodyLimit }),
    // Before the body is read: a stranger's is not taken in.
    ...(isForOperators && {
      onRequest: async (request) => {
        operators.set(request, operatorOf(request, access, services));
      },
    }),
    handler: async (request, reply) => {
      const call: Call = {
        request,
        reply,
        address: services.originOf(request.raw).address,
        operator: operators.get(request),
        query: check(route.query, joined(request.query)),
        body: check(
          route.body,
          request.body === undefined && route.isBodyOptional !== true && route.body !== undefined ? null : request.body,
        ),
        params: check(route.params, request.params),
      };
      const answer = await route.handle(call);
      return answer === undefined ? reply : send(reply, answer);
    },
  });
}

function operatorOf({ raw }: FastifyRequest, role: OperatorRole, { operators, originOf }: Services): Operator {
  const token = bearerOf(raw);
  if (token === undefined) throw new TickerplantError('BAD_TOKEN', `this is for operators: Authorization: Bearer, and a token for ${role}`);
  return operators.identify(token, role, originOf(raw));
}

function send(reply: FastifyReply, { status, headers = {}, body }: Answer): FastifyReply {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  return reply.status(status).send(body);
}

/** A parameter that is given several times is a list. */
function joined(query: unknown): unknown {
  const entries = Object.entries(query as Readonly<Record<string, unknown>>);
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]));
}

function check(schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TickerplantError('BAD_REQUEST', describe(parsed.error.issues));
}

/** `syms[3]: must be text`. Of a choice between forms, that form's trouble which lies deepest is the one that was meant. */
function describe(issues: readonly z.core.$ZodIssue[], under: readonly PropertyKey[] = []): string {
  const issue = issues[0];
  if (issue === undefined) return 'can not be read';
  const path = [...under, ...issue.path];
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.find((branch) => branch.some((each) => each.path.length > 0 || each.code === 'too_small'));
    if (inner !== undefined) return describe(inner, path);
  }
  if (path.length === 0) return 'the body must be a JSON object';
  const where = path.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`)).join('');
  return `${where.slice(0, SHOWN_LENGTH)}: ${issue.message}`;
}
