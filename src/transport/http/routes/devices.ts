import { z } from 'zod';
import type { DeviceHolder, DeviceService } from '../../../core/devices/service.ts';
import type { Msat } from '../../../core/lightning/amount.ts';
import type { DeviceSettlement } from '../../../core/ports/device-ledger.ts';
import { TickerplantError } from '../../../core/tickerplant/errors.ts';
import { credentialOf } from '../../shared/credential.ts';
import { countersPart, invoicePart, settlementPart, termsPart } from '../../shared/device-messages.ts';
import { itemName, settlementIds } from '../../shared/device-requests.ts';
import { IDEMPOTENCY_KEY, keyOf } from '../authorize.ts';
import { HttpError } from '../errors.ts';
import { type Call, type Route, route } from '../route.ts';
import { acknowledgementSchema, amountInBody, deviceInvoiceSchema, deviceSchema, deviceSettlementsSchema } from '../schemas-devices.ts';

const MAX_WAIT_SECONDS = 60;
const MOST_AT_ONCE = 256;
const DEFAULT_AT_ONCE = 64;
const NO_STORE = { 'Cache-Control': 'no-store' };

const invoiceBody = z.object({ item: itemName, amountMsat: amountInBody });
const invoiceParams = z.object({ id: z.string().min(1).max(64).describe("An invoice's id, `quote`.") });
const ackBody = z.object({ settlements: settlementIds });
const settlementsQuery = z.object({
  wait: z
    .string()
    .regex(/^([1-5]?\d|60)$/, `must be seconds, at most ${MAX_WAIT_SECONDS}`)
    .transform(Number)
    .optional()
    .describe(`Seconds, at most ${MAX_WAIT_SECONDS}, to wait for a payment where there is none yet.`),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'must be a whole number')
    .transform(Number)
    .refine((count) => count >= 1 && count <= MOST_AT_ONCE, `must be 1 to ${MOST_AT_ONCE}`)
    .optional()
    .describe(`At most so many; ${DEFAULT_AT_ONCE} unless given.`),
});

/** For devices that share the seller's node; none where the server has none. */
export function deviceRoutes({ devices }: { readonly devices: DeviceService | undefined }): readonly Route[] {
  if (devices === undefined) return [];
  return [about(devices), createInvoice(devices), invoiceStatus(devices), settlements(devices), acknowledge(devices)];
}

async function holderOf(devices: DeviceService, { request }: Call): Promise<DeviceHolder> {
  const credential = credentialOf(request.raw);
  if (credential === undefined) throw new TickerplantError('BAD_TOKEN', "this needs a device's token: Authorization: Bearer <token>");
  return await devices.authenticate(credential.token);
}

function about(devices: DeviceService): Route {
  return route({
    method: 'GET',
    path: '/v1/device',
    id: 'getDevice',
    summary: 'Who this device is, what it may do, and its counters',
    tag: 'devices',
    access: 'token',
    answers: { 200: { description: 'The device.', schema: deviceSchema } },
    async handle(call) {
      const holder = await holderOf(devices, call);
      const { device, name, terms } = holder;
      const counters = countersPart(await devices.counters(holder));
      return { status: 200, headers: NO_STORE, body: { device, name, ...termsPart(terms), counters } };
    },
  });
}

function createInvoice(devices: DeviceService): Route {
  return route<unknown, { readonly item: string; readonly amountMsat?: Msat | undefined }>({
    method: 'POST',
    path: '/v1/device/invoices',
    id: 'createDeviceInvoice',
    summary: 'An invoice for a customer of the device',
    description: 'Once it is paid, the device is told until it acknowledges.',
    tag: 'devices',
    access: 'token',
    body: invoiceBody,
    headers: {
      'Idempotency-Key': {
        description: "The device's own: the same key gives the same invoice, so that an answer that was lost can be asked for again.",
        pattern: IDEMPOTENCY_KEY,
      },
    },
    answers: {
      200: { description: 'The invoice that the key has already.', schema: deviceInvoiceSchema },
      201: { description: 'An invoice.', schema: deviceInvoiceSchema },
      403: { description: 'The token is not for this item or amount.' },
      409: { description: 'The idempotency key belongs to another request.' },
      422: { description: 'Too many invoices are unpaid.' },
    },
    async handle(call) {
      const holder = await holderOf(devices, call);
      const { invoice, fresh } = await devices.ask(holder, { ...call.body, ...keyOf(call) });
      const headers = { Location: `/v1/device/invoices/${invoice.id}`, ...NO_STORE };
      return { status: fresh ? 201 : 200, headers, body: invoicePart(invoice) };
    },
  });
}

function invoiceStatus(devices: DeviceService): Route {
  return route<unknown, unknown, z.output<typeof invoiceParams>>({
    method: 'GET',
    path: '/v1/device/invoices/:id',
    id: 'getDeviceInvoice',
    summary: 'How an invoice of the device stands',
    tag: 'devices',
    access: 'token',
    params: invoiceParams,
    answers: {
      200: { description: 'The invoice.', schema: deviceInvoiceSchema },
      404: { description: 'The device has no such invoice.' },
    },
    async handle(call) {
      const invoice = await devices.invoice(await holderOf(devices, call), call.params.id);
      if (invoice === undefined) throw new HttpError('NOT_FOUND', 'this device has no such invoice');
      return { status: 200, headers: NO_STORE, body: invoicePart(invoice) };
    },
  });
}

function settlements(devices: DeviceService): Route {
  return route<z.output<typeof settlementsQuery>>({
    method: 'GET',
    path: '/v1/device/settlements',
    id: 'listDeviceSettlements',
    summary: 'Payments that the device has not acknowledged, oldest first',
    description: 'They are here, the same, until they are acknowledged. With `wait` it answers as soon as there is one.',
    tag: 'devices',
    access: 'token',
    query: settlementsQuery,
    answers: { 200: { description: 'What is to be done.', schema: deviceSettlementsSchema } },
    async handle(call) {
      const holder = await holderOf(devices, call);
      const { wait = 0, limit = DEFAULT_AT_ONCE } = call.query;
      const open = wait === 0 ? await devices.unacknowledged(holder, limit) : await whenThereAre(devices, holder, wait, limit, call);
      return { status: 200, headers: NO_STORE, body: { settlements: open.map(settlementPart) } };
    },
  });
}

/** Begins to wait before it looks, so that nothing comes in between. */
async function whenThereAre(
  devices: DeviceService,
  holder: DeviceHolder,
  waitSeconds: number,
  limit: number,
  { reply }: Call,
): Promise<readonly DeviceSettlement[]> {
  const done = new AbortController();
  reply.raw.once('close', () => done.abort());
  const settled = devices.whenSettled(holder, waitSeconds * 1000, done.signal);
  const open = await devices.unacknowledged(holder, limit);
  if (open.length > 0) {
    done.abort();
    return open;
  }
  return (await settled) ? await devices.unacknowledged(holder, limit) : open;
}

function acknowledge(devices: DeviceService): Route {
  return route<unknown, z.output<typeof ackBody>>({
    method: 'POST',
    path: '/v1/device/acknowledgements',
    id: 'acknowledgeDeviceSettlements',
    summary: 'What was paid for is done',
    description: 'Asking again changes nothing. Settlements that are not of this device are left out of the answer.',
    tag: 'devices',
    access: 'token',
    body: ackBody,
    answers: { 200: { description: 'What is acknowledged now, and the counters.', schema: acknowledgementSchema } },
    async handle(call) {
      const holder = await holderOf(devices, call);
      const { acknowledged, counters } = await devices.acknowledge(holder, call.body.settlements);
      return { status: 200, headers: NO_STORE, body: { settlements: acknowledged, counters: countersPart(counters) } };
    },
  });
}
