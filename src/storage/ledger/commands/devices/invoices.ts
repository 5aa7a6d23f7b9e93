import { type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import type { Msat } from '../../../../core/lightning/amount.ts';
import type { NodeIdentity } from '../../../../core/lightning/backend.ts';
import type { Network } from '../../../../core/lightning/common.ts';
import type { NodeId, PaymentHash } from '../../../../core/lightning/identifiers.ts';
import type { DeviceInvoice, DeviceInvoiceOutcome, NewDeviceInvoice } from '../../../../core/ports/device-ledger.ts';
import { LedgerError } from '../../../../core/ports/ledger.ts';
import { wholeMs } from '../../mapping.ts';
import type { DeviceInvoicesTable, LedgerTables, NodesTable } from '../../tables.ts';
import type { LedgerDatabase } from '../handlers.ts';
import { findNode, numberOfNode } from '../nodes.ts';
import { device as deviceById } from './devices.ts';

const HOUR_MS = 3_600_000;

// Written out in the SQL, not bound: only so does SQLite use the indexes over a part of the invoices.
const OPEN = sql.lit('open' as const);
const SETTLED = sql.lit('settled' as const);
const EXPIRED = sql.lit('expired' as const);
const WITHDRAWN = sql.lit('withdrawn' as const);

type InvoiceRow = Selectable<DeviceInvoicesTable> & Pick<Selectable<NodesTable>, 'network' | 'node_id'>;

/** Makes an invoice durable, with the device's counter of them. The same id a second time is the same command again. */
export async function createDeviceInvoice(db: LedgerDatabase, invoice: NewDeviceInvoice): Promise<DeviceInvoiceOutcome> {
  const { id, device, key, perHour, createdAt } = invoice;
  const existing = (await deviceInvoice(db, id)) ?? (key === undefined ? undefined : await deviceInvoiceByKey(db, device, key));
  if (existing !== undefined) return { kind: 'kept', invoice: existing };
  const record = await deviceById(db, device);
  if (record === undefined) throw new LedgerError('CONFLICT', `there is no device ${device}`);
  if (record.revokedAt !== undefined) return { kind: 'refused', reason: 'revoked' };
  if (perHour !== undefined && (await deviceInvoiceTimes(db, device, createdAt)).length >= perHour)
    return { kind: 'refused', reason: 'too-many' };
  const row = await db
    .insertInto('device_invoices')
    .values({
      id,
      device,
      node: await numberOfNode(db, invoice.node),
      state: 'open',
      key: key ?? null,
      request: invoice.request ?? null,
      item: invoice.item,
      amount_msat: invoice.amountMsat,
      payment_hash: invoice.paymentHash,
      payment_request: invoice.paymentRequest,
      created_at: wholeMs(createdAt),
      expires_at: wholeMs(invoice.expiresAt),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await db
    .updateTable('devices')
    .set((eb) => ({ invoices: eb('invoices', '+', 1n) }))
    .where('id', '=', device)
    .execute();
  return { kind: 'created', invoice: toDeviceInvoice({ ...row, network: invoice.node.network, node_id: invoice.node.nodeId }) };
}

/** Invoices with their nodes. */
export function selectInvoices(db: LedgerDatabase): SelectQueryBuilder<LedgerTables, 'device_invoices' | 'nodes', InvoiceRow> {
  return db
    .selectFrom('device_invoices')
    .innerJoin('nodes', 'nodes.number', 'device_invoices.node')
    .selectAll('device_invoices')
    .select(['nodes.network', 'nodes.node_id']);
}

/** An invoice by its id. */
export async function deviceInvoice(db: LedgerDatabase, id: string): Promise<DeviceInvoice | undefined> {
  const row = await selectInvoices(db).where('device_invoices.id', '=', id).executeTakeFirst();
  return row && toDeviceInvoice(row);
}

/** The newest open or settled one under a key of a device's. */
export async function deviceInvoiceByKey(db: LedgerDatabase, device: string, key: string): Promise<DeviceInvoice | undefined> {
  const row = await selectInvoices(db)
    .where('device_invoices.device', '=', device)
    .where('device_invoices.key', '=', key)
    .where('device_invoices.state', 'in', [OPEN, SETTLED])
    .orderBy('device_invoices.created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && toDeviceInvoice(row);
}

/** What lies ahead of `now` does not count: a clock that was set back must not lock a device out. */
export async function deviceInvoiceTimes(db: LedgerDatabase, device: string, now: number): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('device_invoices')
    .select('created_at')
    .where('device', '=', device)
    .where('created_at', '>', wholeMs(now - HOUR_MS))
    .where('created_at', '<=', wholeMs(now))
    .orderBy('created_at')
    .execute();
  return rows.map(({ created_at }) => Number(created_at));
}

/** Open ones, the first to expire first. */
export async function openDeviceInvoices(db: LedgerDatabase, node: NodeIdentity): Promise<readonly DeviceInvoice[]> {
  const number = await findNode(db, node);
  if (number === undefined) return [];
  const rows = await selectInvoices(db)
    .where('device_invoices.node', '=', number)
    .where('device_invoices.state', '=', OPEN)
    .orderBy('device_invoices.expires_at')
    .execute();
  return rows.map(toDeviceInvoice);
}

/** Compare-and-set: what a settlement made `settled` is not open any more, and stays. */
export async function expireDeviceInvoices(db: LedgerDatabase, node: NodeIdentity, now: number): Promise<readonly DeviceInvoice[]> {
  const number = await findNode(db, node);
  if (number === undefined) return [];
  const rows = await db
    .updateTable('device_invoices')
    .set({ state: 'expired' })
    .where('node', '=', number)
    .where('state', '=', OPEN)
    .where('expires_at', '<=', wholeMs(now))
    .returningAll()
    .execute();
  return rows.map((row) => toDeviceInvoice({ ...row, network: node.network, node_id: node.nodeId }));
}

/** Those that ended unpaid and may still be payable. */
export async function deviceInvoicesToCancel(db: LedgerDatabase, node: NodeIdentity): Promise<readonly DeviceInvoice[]> {
  const number = await findNode(db, node);
  if (number === undefined) return [];
  const rows = await selectInvoices(db)
    .where('device_invoices.node', '=', number)
    .where('device_invoices.state', 'in', [EXPIRED, WITHDRAWN])
    .where('device_invoices.invoice_closed', '=', sql.lit(0n))
    .orderBy('device_invoices.expires_at')
    .execute();
  return rows.map(toDeviceInvoice);
}

/** Nothing is left to do at the node for this one. */
export async function deviceInvoiceClosed(db: LedgerDatabase, id: string): Promise<void> {
  await db.updateTable('device_invoices').set({ invoice_closed: 1n }).where('id', '=', id).execute();
}

/** What was paid has a settlement, and stays. */
export async function pruneDeviceInvoices(db: LedgerDatabase, node: NodeIdentity, before: number, limit: number): Promise<number> {
  const number = await findNode(db, node);
  if (number === undefined) return 0;
  const rows = await db
    .selectFrom('device_invoices')
    .select('id')
    .where('node', '=', number)
    .where('state', 'in', [EXPIRED, WITHDRAWN])
    .where('invoice_closed', '=', sql.lit(1n))
    .where('expires_at', '<', wholeMs(before))
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('device_settlements').select('invoice').whereRef('device_settlements.invoice', '=', 'device_invoices.id'))),
    )
    .orderBy('expires_at')
    .limit(limit)
    .execute();
  for (const { id } of rows) await db.deleteFrom('device_invoices').where('id', '=', id).execute();
  return rows.length;
}

/** An invoice of its row. */
export function toDeviceInvoice(row: InvoiceRow): DeviceInvoice {
  return {
    id: row.id,
    device: row.device,
    node: { network: row.network as Network, nodeId: row.node_id as NodeId },
    state: row.state,
    key: row.key ?? undefined,
    request: row.request ?? undefined,
    item: row.item,
    amountMsat: row.amount_msat as Msat,
    paymentHash: row.payment_hash as PaymentHash,
    paymentRequest: row.payment_request,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    invoiceClosed: row.invoice_closed === 1n,
  };
}
