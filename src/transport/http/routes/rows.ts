import { Readable } from 'node:stream';
import { z } from 'zod';
import { TickerplantError } from '../../../core/tickerplant/errors.ts';
import type { History } from '../../../core/tickerplant/history.ts';
import type { PublishedRows } from '../../../core/tickerplant/published-rows.ts';
import type { Pricing } from '../../../core/tickerplant/schema.ts';
import type { Holder } from '../../../core/tickerplant/token-access.ts';
import { gapMessage } from '../../shared/messages.ts';
import { authorize } from '../authorize.ts';
import { type Answer, type Call, type Route, route } from '../route.ts';
import { asSold, historySchema, pricingKind, seqInQuery, snapshotSchema, symsInQuery, tableName } from '../schemas.ts';
import type { Services } from '../services.ts';
import { headOf, ndjson } from '../stream/format.ts';
import { errorMessage } from '../stream/stream.ts';

const KIB = 1024;
const DEFAULT_ROWS = 1_000;
const MOST_ROWS = 10_000;
/** Of one JSON answer, which is made whole in memory, and of the journal that is looked through for it. */
const PAGE = { bytes: 4 * KIB * KIB, scanBytes: 64 * KIB * KIB };
/** A download whose reader takes nothing for so long is ended. */
const STALLED_MS = 60_000;

const snapshotQuery = z.object({ table: tableName, syms: symsInQuery.optional(), pricing: pricingKind.optional() });
const timeInQuery = z.string().max(40);
const historyQuery = z.object({
  table: tableName,
  syms: symsInQuery.optional(),
  pricing: pricingKind.optional(),
  from: timeInQuery
    .optional()
    .describe(
      "ISO 8601: rows whose `time` is this or later. For tables whose time is a `timestamp`; a symbol's rows are taken to be in order of time.",
    ),
  to: timeInQuery.optional().describe('ISO 8601: rows whose `time` is before this.'),
  fromSeq: seqInQuery.optional().describe("The first number, of each symbol, of the server's present epoch."),
  toSeq: seqInQuery.optional().describe('The last number, of each symbol.'),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number above 0')
    .transform(Number)
    .optional()
    .describe(`Most rows; in a JSON answer ${DEFAULT_ROWS} unless given and never more than ${MOST_ROWS}, as NDJSON all unless given.`),
  cursor: z.string().min(1).max(1_024).optional().describe('Where to go on: `next` of the answer before.'),
  format: z.enum(['json', 'ndjson']).optional().describe('In place of `Accept`.'),
});

/** Rows that were recorded. */
export function rowRoutes(services: Services): readonly Route[] {
  return [snapshot(services), history(services)];
}

function snapshot(services: Services): Route {
  return route<z.output<typeof snapshotQuery>>({
    method: 'GET',
    path: '/v1/snapshot',
    id: 'getSnapshot',
    summary: 'The last row of each symbol',
    tag: 'rows',
    access: 'paid',
    query: asSold(services.tickerplant, snapshotQuery),
    answers: {
      200: { description: 'The rows. A symbol that has none in this epoch is left out.', schema: snapshotSchema },
      404: { description: 'There is no such table or symbol.' },
      422: { description: 'Too many symbols.' },
    },
    async handle(call) {
      const { holder, item } = await authorizeOne(services, call);
      const records = await services.access.snapshot(holder, item);
      return json(`{"table":${JSON.stringify(item.table)},"epoch":${services.tickerplant.epoch},"rows":[`, records, ']}');
    },
  });
}

function history(services: Services): Route {
  return route<z.output<typeof historyQuery>>({
    method: 'GET',
    path: '/v1/history',
    id: 'getHistory',
    summary: 'Recorded rows, by time or by number',
    description:
      'In the order in which they were published. JSON comes in pages: go on with `cursor`. As NDJSON (`Accept: application/x-ndjson`) it is one message a line, gaps first, until all is there; the last line says `{"op":"done","next":…}`.',
    tag: 'rows',
    access: 'paid',
    query: asSold(services.tickerplant, historyQuery),
    headers: { Accept: { description: '`application/json`, or `application/x-ndjson`.' } },
    answers: {
      200: { description: 'Rows.', schema: historySchema, contentTypes: ['application/json', 'application/x-ndjson'] },
      403: { description: 'What was asked for lies before what a payment would open.' },
      404: { description: 'There is no such table or symbol.' },
      422: { description: 'Too many symbols.' },
    },
    async handle(call) {
      assertSellable(services, call);
      const { holder, item } = await authorizeOne(services, call);
      const { fromSeq, toSeq, from, to, cursor, limit } = call.query;
      const isLines = call.query.format === undefined ? wantsLines(call) : call.query.format === 'ndjson';
      // A place like a stream's: several at a time from one address would read the disk for nobody else.
      const giveBack = services.streams.take(call.address);
      let isGiven = false;
      try {
        const reading = await services.access.history(holder, item, { fromSeq, toSeq, from, to, cursor }, services.config.history);
        if (!isLines) return await page(services, item.table, reading, Math.min(limit ?? DEFAULT_ROWS, MOST_ROWS));
        isGiven = true;
        call.request.raw.setTimeout(STALLED_MS, () => call.request.raw.destroy());
        return {
          status: 200,
          headers: noStore(ndjson.contentType),
          body: Readable.from(lines(services, reading, limit, giveBack), { objectMode: false }),
        };
      } finally {
        if (!isGiven) giveBack();
      }
    },
  });
}

/** Nobody is asked to pay for a time that the payment would not open. */
function assertSellable({ config, clock }: Services, { query, request }: Call<z.output<typeof historyQuery>>): void {
  if (config.history === 'kept' || query.to === undefined || request.headers.authorization !== undefined) return;
  if (!(Date.parse(query.to) <= clock.now())) return;
  throw new TickerplantError(
    'FORBIDDEN',
    'a payment opens rows from its own time on, and all of this is before; this seller does not sell earlier ones',
  );
}

async function authorizeOne(
  services: Services,
  call: Call<{
    readonly table: string;
    readonly syms?: readonly string[] | '*' | undefined;
    readonly pricing?: Pricing['kind'] | undefined;
  }>,
): Promise<{ readonly holder: Holder; readonly item: { readonly table: string; readonly syms: readonly string[] } }> {
  const { table, syms = '*', pricing } = call.query;
  if (table === '*') throw new TickerplantError('UNKNOWN_TABLE', 'name one table');
  const { holder, items } = await authorize(services, call, { table, syms, pricing });
  return { holder, item: items[0] ?? { table, syms: [] } };
}

async function page({ tickerplant }: Services, table: string, reading: History, rows: number): Promise<Answer> {
  const records: PublishedRows[] = [];
  for await (const record of reading.read({ rows, ...PAGE })) records.push(record);
  const gaps = JSON.stringify(reading.gaps.map(gapMessage));
  const head = `{"table":${JSON.stringify(table)},"epoch":${tickerplant.epoch},"gaps":${gaps},"rows":[`;
  return json(head, records, `],"next":${JSON.stringify(reading.next ?? null)}}`);
}

async function* lines(services: Services, reading: History, limit: number | undefined, giveBack: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (const gap of reading.gaps) yield ndjson.gap(gap);
    const all = Number.MAX_SAFE_INTEGER;
    for await (const record of reading.read({ rows: limit ?? all, bytes: all, scanBytes: all })) yield ndjson.rows(record);
    yield ndjson.message({ op: 'done', next: reading.next ?? null });
  } catch (error) {
    yield ndjson.message(errorMessage(error, services.logger));
  } finally {
    giveBack();
  }
}

function json(head: string, records: readonly PublishedRows[], tail: string): Answer {
  const parts: Uint8Array[] = [Buffer.from(head)];
  for (const [i, record] of records.entries()) {
    parts.push(Buffer.from(`${i === 0 ? '' : ','}{${headOf(record)}`), record.json, CLOSING_BRACE);
  }
  return { status: 200, headers: noStore('application/json; charset=utf-8'), body: Buffer.concat([...parts, Buffer.from(tail)]) };
}

const CLOSING_BRACE = Buffer.from('}');

function noStore(contentType: string): Readonly<Record<string, string>> {
  return { 'Content-Type': contentType, 'Cache-Control': 'no-store' };
}

function wantsLines({ request }: Call): boolean {
  return /\bapplication\/(?:x-)?nd-?json\b/i.test(request.headers.accept ?? '');
}
