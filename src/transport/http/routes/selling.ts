import { z } from 'zod';
import { TickerplantError } from '../../../core/tickerplant/errors.ts';
import { credentialOf } from '../../shared/credential.ts';
import { activeMessage, isoTime } from '../../shared/messages.ts';
import { holderOf, IDEMPOTENCY_KEY, keyOf, needHolder, quoteFor } from '../authorize.ts';
import { HttpError } from '../errors.ts';
import { quoteStatusMessage, tableMessage } from '../messages.ts';
import { type Call, type Route, route } from '../route.ts';
import {
  asSold,
  grantedSchema,
  pricingKind,
  quoteSchema,
  symsInBody,
  tableName,
  tableOrAll,
  tableSchema,
  tablesSchema,
  ticketSchema,
  unsubscribedSchema,
} from '../schemas.ts';
import type { Services } from '../services.ts';

const MAX_WAIT_SECONDS = 60;

const quoteBody = z.object({ table: tableOrAll, syms: symsInBody, pricing: pricingKind.optional() });
const unsubscribeBody = z.object({ table: tableName, syms: symsInBody });
const tableParams = z.object({ table: tableName });
const quoteParams = z.object({ id: z.string().min(1).max(64).describe("A quote's id.") });
const waitQuery = z.object({
  wait: z
    .string()
    .regex(/^([1-5]?\d|60)$/, `must be seconds, at most ${MAX_WAIT_SECONDS}`)
    .transform(Number)
    .optional()
    .describe(`Seconds, at most ${MAX_WAIT_SECONDS}, to wait for the payment before answering.`),
});

/** What is on sale, quotes, and what goes with a token. */
export function sellingRoutes(services: Services): readonly Route[] {
  return [tables(services), table(services), createQuote(services), quoteStatus(services), unsubscribe(services), ticket(services)];
}

function tables({ tickerplant }: Services): Route {
  return route({
    method: 'GET',
    path: '/v1/tables',
    id: 'listTables',
    summary: 'Tables, their symbols and prices',
    tag: 'selling',
    access: 'free',
    answers: { 200: { description: 'What is on sale.', schema: tablesSchema } },
    async handle() {
      const all = tickerplant.tables().map((each) => tableMessage(each, tickerplant.symbols(each.name)));
      return { status: 200, body: { epoch: tickerplant.epoch, tables: all } };
    },
  });
}

function table({ tickerplant }: Services): Route {
  return route<unknown, unknown, z.output<typeof tableParams>>({
    method: 'GET',
    path: '/v1/tables/:table',
    id: 'getTable',
    summary: 'A table, its symbols and prices',
    tag: 'selling',
    access: 'free',
    params: tableParams,
    answers: { 200: { description: 'The table.', schema: tableSchema }, 404: { description: 'There is no such table.' } },
    async handle({ params }) {
      const found = tickerplant.tables().find(({ name }) => name === params.table);
      if (found === undefined) throw new TickerplantError('UNKNOWN_TABLE', `there is no table ${params.table.slice(0, 64)}`);
      return { status: 200, body: tableMessage(found, tickerplant.symbols(found.name)) };
    },
  });
}

function createQuote(services: Services): Route {
  return route<unknown, z.output<typeof quoteBody>>({
    method: 'POST',
    path: '/v1/quotes',
    id: 'createQuote',
    summary: 'A quote with an invoice, please',
    description:
      'Prices what is wanted and not paid for yet. With a token, the quote adds to its subscription. Pay the invoice with any Lightning wallet; the token works from then on.',
    tag: 'selling',
    access: 'free',
    body: asSold(services.tickerplant, quoteBody),
    headers: {
      'Idempotency-Key': {
        description:
          'The same key gives the same quote. Of 16 characters or more it holds from anywhere and is a secret; a shorter one holds for your address.',
        pattern: IDEMPOTENCY_KEY,
      },
    },
    answers: {
      200: { description: 'All of it is paid already.', schema: grantedSchema },
      201: { description: 'A quote.', schema: quoteSchema },
      404: { description: 'There is no such table or symbol.' },
      409: { description: 'The idempotency key belongs to another request.' },
      422: { description: 'Too many symbols.' },
      503: { description: "The seller's Lightning node is away." },
    },
    async handle(call: Call<unknown, z.output<typeof quoteBody>>) {
      const { access } = services;
      const holder = await holderOf(services, credentialOf(call.request.raw));
      const { items, missing } = access.coverage(holder, call.body.table, call.body.syms, call.body.pricing);
      if (holder !== undefined && missing.length === 0) {
        const active = await access.takeAgain(holder, items);
        return {
          status: 200,
          body: { op: 'granted', subscription: holder.subscription, active: active.map((event) => activeMessage(event)) },
        };
      }
      const { table: name, syms, pricing } = call.body;
      const quoted = await quoteFor(services, call, {
        table: name,
        syms,
        ...(pricing !== undefined && { pricing }),
        ...keyOf(call),
        ...(holder !== undefined && { token: holder.token }),
      });
      if (quoted.kind !== 'quote') throw new TickerplantError('NOT_SETTLED', 'a payment has just arrived; ask again');
      const { message } = quoted;
      return { status: 201, headers: { Location: `/v1/quotes/${message.quote}`, 'Cache-Control': 'no-store' }, body: message };
    },
  });
}

function quoteStatus(services: Services): Route {
  return route<z.output<typeof waitQuery>, unknown, z.output<typeof quoteParams>>({
    method: 'GET',
    path: '/v1/quotes/:id',
    id: 'getQuote',
    summary: 'How a quote stands',
    description: 'For whoever has the token that came with it, or any other of its subscription; paid or not.',
    tag: 'selling',
    access: 'token',
    params: quoteParams,
    query: waitQuery,
    answers: {
      200: { description: 'The quote, and its state.', schema: quoteSchema },
      404: { description: 'The subscription has no such quote.' },
    },
    async handle(call) {
      const { access } = services;
      const { holder } = await needHolder(services, call);
      let found = await access.quote(holder, call.params.id);
      if (found?.state === 'open' && (call.query.wait ?? 0) > 0) {
        const gone = new AbortController();
        call.reply.raw.once('close', () => gone.abort());
        await access.whenPaid(holder.subscription, (call.query.wait ?? 0) * 1000, gone.signal);
        found = await access.quote(holder, call.params.id);
      }
      if (found === undefined) throw new HttpError('NOT_FOUND', 'this subscription has no such quote');
      return {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: { ...quoteStatusMessage(found), ...(holder.narrowed && { token: undefined }) },
      };
    },
  });
}

function unsubscribe(services: Services): Route {
  return route<unknown, z.output<typeof unsubscribeBody>>({
    method: 'POST',
    path: '/v1/unsubscribe',
    id: 'unsubscribe',
    summary: 'No more of these symbols, please',
    description: 'What was paid stays paid: asking for a quote for them again is free, and begins their delivery anew.',
    tag: 'selling',
    access: 'token',
    body: unsubscribeBody,
    answers: {
      200: { description: 'Those that were wanted until now and are not any more.', schema: unsubscribedSchema },
      404: { description: 'There is no such table or symbol.' },
    },
    async handle(call) {
      const { holder } = await needHolder(services, call);
      const { table: name, syms } = call.body;
      const stopped = await services.access.unsubscribe(holder, name, syms);
      return { status: 200, body: { op: 'unsubscribed', subscription: holder.subscription, table: name, syms: stopped } };
    },
  });
}

function ticket(services: Services): Route {
  return route({
    method: 'POST',
    path: '/v1/tickets',
    id: 'createTicket',
    summary: "A ticket for a browser's EventSource",
    description:
      'An EventSource can send no headers. A ticket may stand in the URL in place of a token: `/v1/events?ticket=…`. It is good once, for 30 seconds.',
    tag: 'selling',
    access: 'token',
    answers: { 201: { description: 'A ticket.', schema: ticketSchema } },
    async handle(call) {
      const { credential } = await needHolder(services, call);
      const { ticket: text, until } = services.tickets.issue(credential);
      return { status: 201, headers: { 'Cache-Control': 'no-store' }, body: { ticket: text, expiresAt: isoTime(until) } };
    },
  });
}
