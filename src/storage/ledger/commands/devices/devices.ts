import { type Selectable, sql } from 'kysely';
import type { Msat } from '../../../../core/lightning/amount.ts';
import type { DeviceCounters, DeviceRecord, DeviceRevocation } from '../../../../core/ports/device-ledger.ts';
import { LedgerError } from '../../../../core/ports/ledger.ts';
import { wholeMs } from '../../mapping.ts';
import type { DevicesTable } from '../../tables.ts';
import type { LedgerDatabase } from '../handlers.ts';

/** Writes a device down. @throws LedgerError `CONFLICT` where its name is taken. */
export async function addDevice(
  db: LedgerDatabase,
  { id, name, rootKey, createdAt }: Pick<DeviceRecord, 'id' | 'name' | 'rootKey' | 'createdAt'>,
): Promise<void> {
  const known = await db.selectFrom('devices').select(['name', 'root_key']).where('id', '=', id).executeTakeFirst();
  // The same command again.
  if (known !== undefined && known.name === name && known.root_key === rootKey) return;
  const taken = await db.selectFrom('devices').select('id').where('name', '=', name).where('revoked_at', 'is', null).executeTakeFirst();
  if (known !== undefined || taken !== undefined)
    throw new LedgerError('CONFLICT', `there is a device ${name} already; revoke it first, or take another name`);
  await db
    .insertInto('devices')
    .values({ id, name, root_key: rootKey, created_at: wholeMs(createdAt), revoked_at: null })
    .execute();
}

/** A device by its id. */
export async function device(db: LedgerDatabase, id: string): Promise<DeviceRecord | undefined> {
  const row = await db.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
  return row && toDevice(row);
}

/** All of them, oldest first. */
export async function devices(db: LedgerDatabase): Promise<readonly DeviceRecord[]> {
  return (await db.selectFrom('devices').selectAll().orderBy('number').execute()).map(toDevice);
}

/** By id, or by the name of one that is not revoked yet, or else of the one that was revoked last. */
export async function revokeDevice(db: LedgerDatabase, idOrName: string, now: number): Promise<DeviceRevocation | undefined> {
  const row = await db
    .selectFrom('devices')
    .selectAll()
    .where(({ or, eb }) => or([eb('id', '=', idOrName), eb('name', '=', idOrName)]))
    .orderBy((eb) => eb('id', '=', idOrName), 'desc')
    .orderBy((eb) => eb('revoked_at', 'is', null), 'desc')
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { id, name } = row;
  if (row.revoked_at !== null) return { device: id, name, revokedAt: Number(row.revoked_at), fresh: false, withdrawn: [] };
  await db
    .updateTable('devices')
    .set({ revoked_at: wholeMs(now) })
    .where('id', '=', id)
    .execute();
  const withdrawn = await db
    .updateTable('device_invoices')
    .set({ state: 'withdrawn' })
    .where('device', '=', id)
    .where('state', '=', sql.lit('open' as const))
    .returning('id')
    .execute();
  return { device: id, name, revokedAt: Math.floor(now), fresh: true, withdrawn: withdrawn.map((each) => each.id) };
}

/** A device's counters. @throws LedgerError `CONFLICT` where there is no such device. */
export async function countersOf(db: LedgerDatabase, id: string): Promise<DeviceCounters> {
  const row = await db.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new LedgerError('CONFLICT', `there is no device ${id}`);
  return toCounters(row);
}

function toDevice(row: Selectable<DevicesTable>): DeviceRecord {
  return {
    id: row.id,
    name: row.name,
    rootKey: row.root_key,
    createdAt: Number(row.created_at),
    revokedAt: row.revoked_at === null ? undefined : Number(row.revoked_at),
    counters: toCounters(row),
  };
}

function toCounters(row: Selectable<DevicesTable>): DeviceCounters {
  return {
    invoices: Number(row.invoices),
    settled: Number(row.settled),
    receivedMsat: row.received_msat as Msat,
    acknowledged: Number(row.acknowledged),
  };
}
