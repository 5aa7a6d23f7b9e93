import { z } from 'zod';
import { isoTime } from '../../shared/messages.ts';
import { publishRows } from '../../shared/publish-rows.ts';
import { HttpError } from '../errors.ts';
import { type Call, type Route, route } from '../route.ts';
import { tableName } from '../schemas.ts';
import type { Services } from '../services.ts';

const NO_STORE = { 'Cache-Control': 'no-store' };

const publishBody = z.object({
  table: tableName,
  rows: z
    .array(
      z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())], 'must be a list of values, or an object of columns and values'),
    )
    .min(1, 'must have a row')
    .describe('Each its values in the order of the columns, or an object by their names; without its time it gets the time of now.'),
});
const revokeBody = z.object({ subscription: z.string().min(1).max(256).describe("A subscription's id, as the log and quotes name it.") });

const publishedSchema = z.looseObject({ op: z.literal('published'), table: z.string(), rows: z.number().int() });
const statusSchema = z.looseObject({
  status: z.enum(['ok', 'unavailable', 'stopping']),
  epoch: z.number().int(),
  tables: z.array(z.string()),
  parts: z.looseObject({ node: z.boolean(), ledger: z.boolean(), journal: z.boolean() }),
  counters: z.record(z.string(), z.number()),
});
const revokedSchema = z.looseObject({ subscription: z.string(), revokedAt: z.string(), fresh: z.boolean() });

/** For those who publish into the tickerplant and look after it: never for buyers, whose tokens are none of theirs. */
export function operatorRoutes(services: Services, isStopping: () => boolean): readonly Route[] {
  return [publish(services), status(services, isStopping), revoke(services)];
}

function publish({ tickerplant, config }: Services): Route {
  return route<unknown, z.output<typeof publishBody>>({
    method: 'POST',
    path: '/v1/publish',
    id: 'publish',
    summary: 'Publish rows of a table',
    description: 'All of them, or none where one can not be meant.',
    tag: 'service',
    access: 'publisher',
    body: publishBody,
    bodyLimit: config.maxPublishBytes,
    answers: {
      200: { description: 'They are recorded and on their way.', schema: publishedSchema },
      404: { description: 'There is no such table or symbol.' },
    },
    async handle({ body, operator }: Call<unknown, z.output<typeof publishBody>>) {
      const rows = publishRows(tickerplant, operator, body.table, body.rows);
      return { status: 200, headers: NO_STORE, body: { op: 'published', table: body.table, rows } };
    },
  });
}

function status({ tickerplant, operations }: Services, isStopping: () => boolean): Route {
  return route({
    method: 'GET',
    path: '/v1/admin/status',
    id: 'adminStatus',
    summary: 'How the server is',
    tag: 'service',
    access: 'admin',
    answers: { 200: { description: 'Its parts, its tables, its totals since the start.', schema: statusSchema } },
    async handle() {
      const parts = await operations.readiness();
      const state = isStopping() ? 'stopping' : Object.values(parts).every(Boolean) ? 'ok' : 'unavailable';
      const tables = tickerplant.tables().map(({ name }) => name);
      return {
        status: 200,
        headers: NO_STORE,
        body: { status: state, epoch: tickerplant.epoch, tables, parts, counters: operations.counters() },
      };
    },
  });
}

function revoke({ operations, logger }: Services): Route {
  return route<unknown, z.output<typeof revokeBody>>({
    method: 'POST',
    path: '/v1/admin/revoke',
    id: 'adminRevoke',
    summary: "End a subscription's token for good",
    description: 'It is refused from now on, and what is live with it ends. What was paid for with it is lost to its buyer.',
    tag: 'service',
    access: 'admin',
    body: revokeBody,
    answers: {
      200: { description: 'It is revoked; `fresh` where it was not before.', schema: revokedSchema },
      404: { description: 'There is no such subscription.' },
    },
    async handle({ body, operator }: Call<unknown, z.output<typeof revokeBody>>) {
      const revocation = await operations.revoke(body.subscription);
      if (revocation === undefined) throw new HttpError('NOT_FOUND', 'there is no such subscription');
      const { revokedAt, fresh } = revocation;
      logger.info({ subscription: body.subscription, by: operator?.name }, 'a subscription was revoked over HTTP');
      return { status: 200, headers: NO_STORE, body: { subscription: body.subscription, revokedAt: isoTime(revokedAt), fresh } };
    },
  });
}
