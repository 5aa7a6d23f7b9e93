import { createHash } from 'node:crypto';
import type { Msat } from '../../../../core/lightning/amount.ts';
import type { PaymentHash } from '../../../../core/lightning/identifiers.ts';
import type { SettlementCursor } from '../../../../core/lightning/settlement.ts';
import type { DeviceCounters, DeviceSettlement } from '../../../../core/ports/device-ledger.ts';
import type { ApplySettlement, SettlementEffect } from '../../../../core/ports/ledger.ts';
import { wholeMs } from '../../mapping.ts';
import type { LedgerDatabase } from '../handlers.ts';
import { countersOf } from './devices.ts';
import { selectInvoices, toDeviceInvoice } from './invoices.ts';

/**
 * Applies a settlement of a device's invoice: the record that is told until it is acknowledged, the invoice's end, and the device's
 * counters. Undefined where no device has the invoice. `event`: what tells a second duplicate from a repeated one.
 */
export async function settleDeviceInvoice(
  db: LedgerDatabase,
  node: bigint,
  { kind, settlement, now }: Pick<ApplySettlement, 'kind' | 'settlement' | 'now'>,
  event: SettlementCursor,
): Promise<Extract<SettlementEffect, { kind: 'device' }> | undefined> {
  const row = await selectInvoices(db)
    .where('device_invoices.node', '=', node)
    .where('device_invoices.payment_hash', '=', settlement.paymentHash)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const invoice = toDeviceInvoice(row);
  const isDuplicate = kind === 'duplicate';
  const id = settlementId(invoice.id, isDuplicate ? event : undefined);
  const known = await settlementById(db, id);
  if (known !== undefined) return { kind: 'device', settlement: known, fresh: false };
  const { receivedMsat, settledAt } = settlement;
  await db
    .insertInto('device_settlements')
    .values({
      id,
      device: invoice.device,
      invoice: invoice.id,
      kind: isDuplicate ? 'duplicate' : receivedMsat < invoice.amountMsat ? 'underpaid' : 'paid',
      late: !isDuplicate && (invoice.state !== 'open' || settledAt > invoice.expiresAt) ? 1n : 0n,
      received_msat: receivedMsat,
      settled_at: wholeMs(settledAt),
      applied_at: wholeMs(now),
      cursor: event,
      acknowledged_at: null,
    })
    .execute();
  if (!isDuplicate)
    await db.updateTable('device_invoices').set({ state: 'settled', invoice_closed: 1n }).where('id', '=', invoice.id).execute();
  await db
    .updateTable('devices')
    .set((eb) => ({ settled: eb('settled', '+', 1n), received_msat: eb('received_msat', '+', receivedMsat as bigint) }))
    .where('id', '=', invoice.device)
    .execute();
  const told = await settlementById(db, id);
  if (told === undefined) throw new Error('a settlement that was just written is not there');
  return { kind: 'device', settlement: told, fresh: true };
}

/** Made of what it is for, so that applying it again makes the same. */
function settlementId(invoice: string, duplicate: SettlementCursor | undefined): string {
  return createHash('sha256')
    .update(JSON.stringify([invoice, duplicate]))
    .digest('hex')
    .slice(0, 32);
}

async function settlementById(db: LedgerDatabase, id: string): Promise<DeviceSettlement | undefined> {
  const row = await selectSettlements(db).where('device_settlements.id', '=', id).executeTakeFirst();
  return row && toSettlement(row);
}

/** Oldest first. */
export async function unacknowledged(db: LedgerDatabase, device: string, limit: number): Promise<readonly DeviceSettlement[]> {
  const rows = await selectSettlements(db)
    .where('device_settlements.device', '=', device)
    .where('device_settlements.acknowledged_at', 'is', null)
    .orderBy('device_settlements.number')
    .limit(limit)
    .execute();
  return rows.map(toSettlement);
}

/** Devices that have payments to be told of. */
export async function devicesToTell(db: LedgerDatabase): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('devices')
    .select('id')
    .where('revoked_at', 'is', null)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('device_settlements')
          .select('number')
          .whereRef('device_settlements.device', '=', 'devices.id')
          .where('acknowledged_at', 'is', null),
      ),
    )
    .orderBy('number')
    .execute();
  return rows.map(({ id }) => id);
}

/** Repeating it changes nothing. */
export async function acknowledgeSettlements(
  db: LedgerDatabase,
  device: string,
  ids: readonly string[],
  now: number,
): Promise<{ readonly acknowledged: readonly string[]; readonly counters: DeviceCounters }> {
  const acknowledged: string[] = [];
  let fresh = 0n;
  for (const id of new Set(ids)) {
    const row = await db
      .selectFrom('device_settlements')
      .select('acknowledged_at')
      .where('id', '=', id)
      .where('device', '=', device)
      .executeTakeFirst();
    if (row === undefined) continue;
    acknowledged.push(id);
    if (row.acknowledged_at !== null) continue;
    await db
      .updateTable('device_settlements')
      .set({ acknowledged_at: wholeMs(now) })
      .where('id', '=', id)
      .execute();
    fresh += 1n;
  }
  if (fresh > 0n)
    await db
      .updateTable('devices')
      .set((eb) => ({ acknowledged: eb('acknowledged', '+', fresh) }))
      .where('id', '=', device)
      .execute();
  return { acknowledged, counters: await countersOf(db, device) };
}

function selectSettlements(db: LedgerDatabase) {
  return db
    .selectFrom('device_settlements')
    .innerJoin('device_invoices', 'device_invoices.id', 'device_settlements.invoice')
    .select([
      'device_settlements.id',
      'device_settlements.device',
      'device_settlements.invoice',
      'device_settlements.kind',
      'device_settlements.late',
      'device_settlements.received_msat',
      'device_settlements.settled_at',
      'device_settlements.acknowledged_at',
      'device_invoices.item',
      'device_invoices.payment_hash',
      'device_invoices.amount_msat',
    ]);
}

function toSettlement(row: Awaited<ReturnType<ReturnType<typeof selectSettlements>['executeTakeFirstOrThrow']>>): DeviceSettlement {
  return {
    id: row.id,
    device: row.device,
    invoice: row.invoice,
    item: row.item,
    kind: row.kind,
    late: row.late === 1n,
    paymentHash: row.payment_hash as PaymentHash,
    amountMsat: row.amount_msat as Msat,
    receivedMsat: row.received_msat as Msat,
    settledAt: Number(row.settled_at),
    acknowledgedAt: row.acknowledged_at === null ? undefined : Number(row.acknowledged_at),
  };
}
