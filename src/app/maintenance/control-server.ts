import type { Clock } from '../../core/ports/clock.ts';
import type { DeviceRevocation } from '../../core/ports/device-ledger.ts';
import type { Revocation, SubscriptionName } from '../../core/ports/ledger-upkeep.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { SqliteLedger } from '../../storage/ledger/sqlite-ledger.ts';
import { type ControlRequest, controlRequestSchema } from './control-request.ts';
import { openControlSocket } from './control-socket.ts';
import { listedDevices } from './devices.ts';
import { refundsOf } from './written-refunds.ts';

/** What the requests work on. */
export interface Controlled {
  readonly store: SqliteLedger;
  readonly clock: Clock;
  readonly revoke: (name: SubscriptionName) => Promise<Revocation | undefined>;
  readonly revokeDevice: (idOrName: string) => Promise<DeviceRevocation | undefined>;
}

/** Does for the machine's owner what only who has the ledger open can do; see {@link openControlSocket}. */
export async function serveControl(controlled: Controlled, logger: Logger): Promise<AsyncDisposable> {
  const handle = (request: unknown) => serve(controlRequestSchema.parse(request), controlled, logger);
  return await openControlSocket(controlled.store.path, handle, logger);
}

async function serve(
  request: ControlRequest,
  { store, clock, revoke, revokeDevice }: Controlled,
  logger: Logger,
): Promise<Readonly<Record<string, unknown>>> {
  switch (request.op) {
    case 'status':
      return { pid: process.pid, ledger: store.path };
    case 'backup': {
      const { path, bytes } = await store.backup(request.target, { overwrite: request.overwrite });
      logger.info({ path, bytes }, 'the ledger was backed up');
      return { path, bytes };
    }
    case 'refunds':
      return { refunds: await refundsOf(store) };
    case 'refund-done': {
      const done = await store.ledger.refundDone(request.id, clock.now());
      if (done) logger.info({ refund: request.id }, 'a refund was noted as given');
      return { done };
    }
    case 'devices':
      return { devices: await listedDevices(store) };
    case 'device-add': {
      const { id, name, rootKey } = request;
      await store.ledger.addDevice({ id, name, rootKey, createdAt: clock.now() });
      logger.info({ device: id, name }, 'a device was added');
      return {};
    }
    case 'device-revoke':
      return { revocation: (await revokeDevice(request.device)) ?? null };
    case 'revoke':
      return { revocation: (await revoke(request.name)) ?? null };
  }
}
