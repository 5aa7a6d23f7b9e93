import { z } from 'zod';
import { credentialOf } from '../../shared/credential.ts';
import { authorize } from '../authorize.ts';
import { type Call, type Route, route } from '../route.ts';
import { asSold, positions, pricingKind, slowPolicy, symsInQuery, tableOrAll } from '../schemas.ts';
import type { Services } from '../services.ts';
import { EVENT_ID, LONGEST_ID, type Positions } from '../stream/event-id.ts';
import { EVENT_STREAM } from '../stream/event-stream.ts';
import { ndjson } from '../stream/format.ts';
import { Stream } from '../stream/stream.ts';

const query = z.object({
  table: tableOrAll.optional(),
  syms: symsInQuery.optional(),
  pricing: pricingKind.optional(),
  slow: slowPolicy.optional(),
  after: z
    .string()
    .max(LONGEST_ID)
    .regex(EVENT_ID, 'is no id of an event of this server')
    .optional()
    .describe('The id of the last event that you have, where it can not be sent as `Last-Event-ID`.'),
  ticket: z.string().min(1).max(64).optional().describe('In place of a token: see `/v1/tickets`.'),
});
const body = z.object({ after: positions.optional() }).optional();

type StreamCall = Call<z.output<typeof query>, z.output<typeof body>>;

const DESCRIPTION =
  'Everything that the subscription has bought and not unsubscribed from, in the words of the WebSocket protocol: `resumed`, then `upd`, `active`, `gap`, `quote` (renewals and top-ups), `expired`, `superseded`, `end`, `heartbeat`, and `error` before it ends. One subscription is live in one place, the newest. `table` and `syms` say what must have been paid for: whoever has not is asked to with 402.';

/** Live rows. */
export function streamRoutes(services: Services): readonly Route[] {
  return (['GET', 'POST'] as const).flatMap((method) => [
    stream(services, method, '/v1/events', EVENT_STREAM),
    stream(services, method, '/v1/ticks', ndjson.contentType),
  ]);
}

function stream(services: Services, method: 'GET' | 'POST', path: string, contentType: string): Route {
  const isEvents = contentType === EVENT_STREAM;
  return route<z.output<typeof query>, z.output<typeof body>>({
    method,
    path,
    id: `${method === 'GET' ? 'get' : 'post'}${isEvents ? 'Events' : 'Ticks'}`,
    summary: `Live rows as ${isEvents ? 'Server-Sent Events' : 'newline-delimited JSON'}${method === 'POST' ? ', after positions of any size' : ''}`,
    description: DESCRIPTION,
    tag: 'rows',
    access: 'paid',
    query: asSold(services.tickerplant, query),
    ...(method === 'POST' && { body, isBodyOptional: true }),
    headers: {
      'Last-Event-ID': {
        description: 'The id of the last event that you have: the stream goes on after it, no row twice and none left out.',
      },
    },
    answers: {
      200: { description: 'The stream.', contentTypes: [contentType.split(';')[0] as string] },
      404: { description: 'There is no such table or symbol.' },
      422: { description: 'Too many symbols.' },
    },
    async handle(call) {
      await begin(services, call, contentType);
      return undefined;
    },
  });
}

async function begin(services: Services, call: StreamCall, contentType: string): Promise<void> {
  const { config, logger, turn, tickerplant, streams, tickets, eventStreams } = services;
  const { request, reply, address } = call;
  const { table, syms, pricing, slow, ticket } = call.query;
  const after = positionsOf(services, call);
  const credential = credentialOf(request.raw) ?? (ticket === undefined ? undefined : tickets.redeem(ticket));
  const wanted = table === undefined && syms === undefined ? undefined : { table: table ?? '*', syms: syms ?? '*', pricing };
  const { holder } = await authorize(services, call, wanted, credential);
  if (request.method === 'HEAD') {
    await reply.header('Content-Type', contentType).send();
    return;
  }
  const giveBack = streams.take(address);
  const writer = contentType === EVENT_STREAM ? eventStreams.open(tickerplant.epoch, after) : ndjson;
  let opened: Stream | undefined;
  const onClosed = () => {
    giveBack();
    if (opened !== undefined) streams.remove(opened);
  };
  try {
    opened = new Stream({
      response: reply.raw,
      headers: reply.getHeaders(),
      writer,
      connect: (sink) => tickerplant.connect({ address, sink }),
      logger,
      turn,
      maxBufferedBytes: config.maxBufferedBytes,
      onClosed,
    });
    await opened.begin(holder, after, slow);
  } catch (error) {
    onClosed();
    throw error;
  }
  reply.hijack();
  if (!reply.raw.destroyed) streams.add(opened);
}

/**
 * Where the buyer is: from the body, or an event's id. An id that is not known (any more) begins where the grants began, rows twice and none
 * lost: an EventSource that is refused never comes again.
 */
function positionsOf({ eventStreams }: Services, { request, query: { after }, body: given }: StreamCall): Positions {
  if (given?.after !== undefined) return given.after;
  const header = request.headers['last-event-id'];
  const id = typeof header === 'string' && header !== '' ? header : (after ?? '');
  return eventStreams.find(id) ?? {};
}
