import { z } from 'zod';
import { credentialOf } from '../../shared/credential.ts';
import { authorize } from '../authorize.ts';
import { type Call, type Route, route } from '../route.ts';
import { asSold, positions, pricingKind, slowPolicy, symsInQuery, tableOrAll } from '../schemas.ts';
import type { Services } from '../services.ts';
import { EVENT_ID, EventIdWriter, LONGEST_ID, type Positions, readEventId } from '../stream/event-id.ts';
import { eventStream, ndjson, type StreamFormat } from '../stream/format.ts';
import { Stream } from '../stream/stream.ts';
import type { NoteEvent } from '../stream/stream-sink.ts';

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
    stream(services, method, '/v1/events', eventStream),
    stream(services, method, '/v1/ticks', ndjson),
  ]);
}

function stream(services: Services, method: 'GET' | 'POST', path: string, format: StreamFormat): Route {
  const isEvents = format === eventStream;
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
      200: { description: 'The stream.', contentTypes: [format.contentType.split(';')[0] as string] },
      404: { description: 'There is no such table or symbol.' },
      422: { description: 'Too many symbols.' },
    },
    async handle(call) {
      await begin(services, call, format);
      return undefined;
    },
  });
}

async function begin(services: Services, call: StreamCall, format: StreamFormat): Promise<void> {
  const { config, logger, turn, tickerplant, streams, tickets, keptPositions } = services;
  const { request, reply, address } = call;
  const { table, syms, pricing, slow, ticket } = call.query;
  const after = positionsOf(services, call);
  const credential = credentialOf(request.raw) ?? (ticket === undefined ? undefined : tickets.redeem(ticket));
  const wanted = table === undefined && syms === undefined ? undefined : { table: table ?? '*', syms: syms ?? '*', pricing };
  const { holder } = await authorize(services, call, wanted, credential);
  if (request.method === 'HEAD') {
    await reply.header('Content-Type', format.contentType).send();
    return;
  }
  const giveBack = streams.take(address);
  const ids = new EventIdWriter(tickerplant.epoch, after);
  const kept = { stream: undefined as ReturnType<typeof keptPositions.open> | undefined };
  const note: NoteEvent = (name, sym, epoch, seq) => {
    if (format === ndjson) return undefined;
    if (kept.stream === undefined) {
      if (epoch === tickerplant.epoch) ids.note(name, sym, seq);
      const id = ids.id();
      if (id !== undefined) return id;
      kept.stream = keptPositions.open(ids.positions());
    }
    return kept.stream.note(name, sym, epoch, seq);
  };
  let opened: Stream | undefined;
  const onClosed = () => {
    giveBack();
    if (opened !== undefined) streams.remove(opened);
    if (kept.stream !== undefined) keptPositions.end(kept.stream);
  };
  try {
    opened = new Stream({
      response: reply.raw,
      headers: reply.getHeaders(),
      format,
      note,
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
function positionsOf({ keptPositions }: Services, { request, query: { after }, body: given }: StreamCall): Positions {
  if (given?.after !== undefined) return given.after;
  const header = request.headers['last-event-id'];
  const id = typeof header === 'string' && header !== '' ? header : (after ?? '');
  return (id.startsWith('~') ? keptPositions.find(id) : readEventId(id)) ?? {};
}
