import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Operator, OperatorRole } from '../shared/access/operators.ts';

/** A request that was found to be what its route takes. */
export interface Call<Query = unknown, Body = unknown, Params = unknown> {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Whose request it is, for rate limits. */
  readonly address: string;
  /** Who asks, where the route is for operators. */
  readonly operator: Operator | undefined;
  readonly query: Query;
  readonly body: Body;
  readonly params: Params;
}

/** An answer; the body is JSON unless it is bytes or a stream of the content type that its headers name. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** An answer as it is described. */
export interface AnswerDoc {
  readonly description: string;
  readonly schema?: z.ZodType | undefined;
  /** JSON unless given. */
  readonly contentTypes?: readonly string[];
}

/** An operation: what it takes, what it answers, who may. What validates is what is described. */
export interface Route<Query = unknown, Body = unknown, Params = unknown> {
  readonly method: 'GET' | 'POST';
  /** `/v1/quotes/:id`. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: 'selling' | 'rows' | 'devices' | 'service';
  /** `free` for everybody · `token` for whoever has one · `paid` for a token whose payment has arrived, else 402 · a role, for operators. */
  readonly access: 'free' | 'token' | 'paid' | Exclude<OperatorRole, 'metrics'>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  /** Longest body, bytes, where it is not the config's. */
  readonly bodyLimit?: number;
  /** There may be no body at all. */
  readonly isBodyOptional?: boolean;
  readonly params?: z.ZodType<Params>;
  /** Request headers beside `Authorization`. */
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly pattern?: RegExp }>>;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  /** Undefined: it has answered by itself. */
  handle(call: Call<Query, Body, Params>): Promise<Answer | undefined>;
}

/** Keeps the types of a route's parts together while it is written down. */
export function route<Query = unknown, Body = unknown, Params = unknown>(definition: Route<Query, Body, Params>): Route {
  return definition as Route;
}
