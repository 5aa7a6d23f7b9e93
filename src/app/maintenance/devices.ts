import { caveatsOf, type DeviceTerms } from '../../core/devices/terms.ts';
import type { DeviceRecord, DeviceRevocation } from '../../core/ports/device-ledger.ts';
import { LedgerError } from '../../core/ports/ledger.ts';
import { deviceCredentials } from '../../credentials/device-token.ts';
import type { SqliteLedger } from '../../storage/ledger/sqlite-ledger.ts';
import { systemClock, systemRandom } from '../system.ts';
import { byOwner } from './by-owner.ts';

/** A device with its token, which is shown once. */
export interface AddedDevice {
  readonly device: string;
  readonly name: string;
  readonly token: string;
  readonly online: boolean;
}

/** A device for its owner's eyes: everything but its root key. Amounts are text, times ISO 8601. */
export interface ListedDevice {
  readonly device: string;
  readonly name: string;
  readonly createdAt: string;
  readonly revokedAt: string | null;
  readonly invoices: number;
  readonly settled: number;
  readonly receivedMsat: string;
  readonly acknowledged: number;
}

/**
 * Makes a device and its token. The ledger keeps its id, name and root key; what it may do stands in the token alone.
 * @throws LedgerError `CONFLICT` where the name is taken, `LOCKED` where a process has the ledger that takes no such request, `IO`.
 */
export async function addDevice(ledger: string, name: string, terms: DeviceTerms): Promise<AddedDevice> {
  const [id, rootKey] = [hex(16), hex(32)];
  const created = { id, name, rootKey, createdAt: systemClock.now() };
  const add = async ({ ledger: port }: SqliteLedger) => {
    await port.addDevice(created);
    return {};
  };
  const { online } = await byOwner(ledger, { op: 'device-add', id, name, rootKey }, add, true);
  return { device: id, name, token: deviceCredentials.mint(id, rootKey, caveatsOf(terms)), online };
}

/** All devices of a ledger. @throws LedgerError */
export async function listDevices(ledger: string): Promise<{ readonly devices: readonly ListedDevice[]; readonly online: boolean }> {
  const list = async (store: SqliteLedger) => ({ devices: await listedDevices(store) });
  const { value, online } = await byOwner(ledger, { op: 'devices' }, list);
  return { devices: value['devices'] as readonly ListedDevice[], online };
}

/** Ends a device's token for good, by its id or name. @throws LedgerError `CONFLICT` where there is no such device. */
export async function revokeDevice(ledger: string, idOrName: string): Promise<DeviceRevocation & { readonly online: boolean }> {
  const revoke = async ({ ledger: port }: SqliteLedger) => ({
    revocation: (await port.revokeDevice(idOrName, systemClock.now())) ?? null,
  });
  const { value, online } = await byOwner(ledger, { op: 'device-revoke', device: idOrName }, revoke);
  const revocation = value['revocation'] as DeviceRevocation | null;
  if (revocation === null) throw new LedgerError('CONFLICT', `the ledger ${ledger} has no device ${idOrName}`);
  return { ...revocation, online };
}

/** The devices of an open ledger. @throws LedgerError */
export async function listedDevices({ ledger }: SqliteLedger): Promise<readonly ListedDevice[]> {
  return (await ledger.devices()).map(toListed);
}

function toListed({ id, name, createdAt, revokedAt, counters }: DeviceRecord): ListedDevice {
  const { invoices, settled, receivedMsat, acknowledged } = counters;
  return {
    device: id,
    name,
    createdAt: new Date(createdAt).toISOString(),
    revokedAt: revokedAt === undefined ? null : new Date(revokedAt).toISOString(),
    invoices,
    settled,
    receivedMsat: receivedMsat.toString(),
    acknowledged,
  };
}

function hex(bytes: number): string {
  return Buffer.from(systemRandom.bytes(bytes)).toString('hex');
}
