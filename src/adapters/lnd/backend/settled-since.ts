import type { CallOptions } from '../../../core/lightning/common.ts';
import type { LndCaller } from '../client/client.ts';
import { type LndInvoice, lndInvoiceList } from '../schema/invoice.ts';
import type { Position } from './settlement-cursor.ts';

/** What a look through lnd's list found. */
export interface SettledSince {
  /** In lnd's order of settling. */
  readonly invoices: readonly LndInvoice[];
  /** The position once all of them have been yielded. */
  readonly position: Position;
}

const PAGE = 1_000;
const LOOKS = 3;

/**
 * Every invoice settled after a position, from lnd's list. The list is in order of adding and is read in pages, so an invoice
 * can settle behind the reader while a later one is read as settled already. lnd numbers settled invoices without holes:
 * where there is one, the list is read again. (A hole that stays is an AMP invoice, which lnd numbers but never calls settled.)
 */
export async function settledSince(client: Pick<LndCaller, 'unary'>, from: Position, options: CallOptions): Promise<SettledSince> {
  let found = await look(client, from, options);
  for (let looks = 1; looks < LOOKS && hasHole(found, from); looks++) found = await look(client, from, options);
  return found;
}

function hasHole({ invoices }: SettledSince, from: Position): boolean {
  return invoices.some(({ settle_index }, index) => settle_index !== from.settled + BigInt(index) + 1n);
}

async function look(client: Pick<LndCaller, 'unary'>, from: Position, options: CallOptions): Promise<SettledSince> {
  const settled: LndInvoice[] = [];
  let firstOpen: bigint | undefined;
  let last = from.final;
  for (;;) {
    const page = await client.unary(
      {
        operation: 'invoices.settlements',
        service: 'default',
        method: 'listInvoices',
        request: { index_offset: last.toString(), num_max_invoices: String(PAGE) },
        schema: lndInvoiceList,
      },
      options,
    );
    for (const invoice of page.invoices) {
      last = invoice.add_index;
      if (invoice.state === 'SETTLED' && invoice.settle_index > from.settled) settled.push(invoice);
      if (invoice.state === 'OPEN' || invoice.state === 'ACCEPTED') firstOpen ??= invoice.add_index;
    }
    if (page.invoices.length < PAGE) break;
  }
  settled.sort((one, other) => (one.settle_index < other.settle_index ? -1 : 1));
  const head = settled.at(-1)?.settle_index ?? from.settled;
  return { invoices: settled, position: { settled: head, final: firstOpen === undefined ? last : firstOpen - 1n } };
}
