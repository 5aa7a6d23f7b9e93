import type { CallOptions, Page } from '../../core/lightning/common.ts';
import { type PaymentHash, paymentHash } from '../../core/lightning/identifiers.ts';
import type { Invoice, InvoiceState, ListInvoices } from '../../core/lightning/invoice.ts';
import { invalid, pageLimit } from '../shared/limits.ts';
import type { EclairClient } from './client.ts';
import { isRefusal } from './http-answer.ts';
import { toInvoice } from './mapping-invoices.ts';
import { type EclairInvoice, type EclairReceivedStatus, invoicesSchema, receivedListSchema, receivedSchema } from './schema-invoices.ts';

/** Later than anything: what is left out means "until now", and leaves out the present second. */
export const FAR_FUTURE_SECONDS = 4_102_444_800;

const OPERATION = 'invoices.list';
const FETCH = 200;
const AT_ONCE = 8;

/** An invoice and, where the list says it, how it stands. */
interface Listed {
  readonly invoice: EclairInvoice;
  readonly status: EclairReceivedStatus | undefined;
}

/**
 * Invoices in pages. A position is the second an invoice was made in and its hash: counting would go wrong where eclair
 * purges expired ones in between. The list of all says no states; each is asked for.
 */
export async function listInvoices(
  client: EclairClient,
  request: ListInvoices,
  options: CallOptions,
  labelOf: (hash: PaymentHash) => string | undefined,
): Promise<Page<Invoice>> {
  const limit = pageLimit(request, OPERATION);
  const items: Invoice[] = [];
  let position = readPosition(request.after);
  if (request.state === 'held' || request.state === 'cancelled') return { items, next: undefined };
  for (;;) {
    const batch = await after(client, position, request.state, options);
    for (let at = 0; at < batch.length; at += AT_ONCE) {
      const some = await Promise.all(batch.slice(at, at + AT_ONCE).map((listed) => withStatus(client, listed, options)));
      for (const { invoice, status } of some) {
        position = { second: invoice.timestamp, hash: invoice.paymentHash };
        if (status === undefined) continue;
        const one = toInvoice(invoice, status, labelOf(paymentHash(invoice.paymentHash)));
        if (request.state !== undefined && one.state !== request.state) continue;
        items.push(one);
        if (items.length === limit) return { items, next: `${position.second}.${position.hash}` };
      }
    }
    if (batch.length === 0) return { items, next: undefined };
  }
}

interface Position {
  readonly second: number;
  readonly hash: string | undefined;
}

/** At least one invoice after a position, unless there is none. */
async function after(
  client: EclairClient,
  position: Position,
  state: InvoiceState | undefined,
  options: CallOptions,
): Promise<readonly Listed[]> {
  for (let skip = 0; ; skip += FETCH) {
    // The lower bound is left out of the answer: a second less, to have all of that second.
    const form = { from: Math.max(0, position.second - 1), to: FAR_FUTURE_SECONDS, count: FETCH, skip };
    const found = await fetch(client, form, state, options);
    const seen = found.findIndex(({ invoice }) => invoice.paymentHash === position.hash);
    const rest =
      seen >= 0
        ? found.slice(seen + 1)
        : position.hash === undefined
          ? found
          : found.filter(({ invoice }) => invoice.timestamp > position.second);
    if (rest.length > 0 || found.length < FETCH) return rest;
  }
}

async function fetch(
  client: EclairClient,
  form: Readonly<Record<string, number>>,
  state: InvoiceState | undefined,
  options: CallOptions,
): Promise<readonly Listed[]> {
  const common = { ...options, operation: OPERATION, readOnly: true } as const;
  if (state === 'settled') {
    const received = await client.call('/listreceivedpayments', form, { ...common, schema: receivedListSchema });
    return received.flatMap(({ invoice, status }) => ('serialized' in invoice ? [{ invoice, status }] : []));
  }
  const path = state === 'open' ? '/listpendinginvoices' : '/listinvoices';
  const invoices = await client.call(path, form, { ...common, schema: invoicesSchema });
  return invoices.map((invoice) => ({ invoice, status: state === 'open' ? { type: 'pending' } : undefined }));
}

/** How an invoice stands, asked for where the list did not say; undefined for one that went away meanwhile. */
async function withStatus(client: EclairClient, listed: Listed, options: CallOptions): Promise<Listed> {
  if (listed.status !== undefined) return listed;
  const call = { ...options, operation: OPERATION, schema: receivedSchema, readOnly: true, rawRefusal: true } as const;
  const found = await client.call('/getreceivedinfo', { paymentHash: listed.invoice.paymentHash }, call).catch((error) => {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  });
  return { invoice: listed.invoice, status: found?.status };
}

function readPosition(text: string | undefined): Position {
  if (text === undefined) return { second: 0, hash: undefined };
  const [, second, hash] = /^(\d{1,12})\.([0-9a-f]{64})$/.exec(text) ?? [];
  if (second === undefined || hash === undefined) throw invalid(OPERATION, 'not a position that a page was given with');
  return { second: Number(second), hash };
}
