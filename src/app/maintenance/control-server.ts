import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Clock } from '../../core/ports/clock.ts';
import type { DeviceRevocation } from '../../core/ports/device-ledger.ts';
import { LedgerError } from '../../core/ports/ledger.ts';
import type { Revocation, SubscriptionName } from '../../core/ports/ledger-upkeep.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { SqliteLedger } from '../../storage/ledger/sqlite-ledger.ts';
import { controlPath } from './control-path.ts';
import { type ControlRequest, controlRequestSchema } from './control-request.ts';
import { listedDevices } from './devices.ts';
import { refundsOf } from './written-refunds.ts';

/** What the requests work on. */
export interface Controlled {
  readonly store: SqliteLedger;
  readonly clock: Clock;
  readonly revoke: (name: SubscriptionName) => Promise<Revocation | undefined>;
  readonly revokeDevice: (idOrName: string) => Promise<DeviceRevocation | undefined>;
}

/** Nobody needs more for a request. */
const MAX_REQUEST_BYTES = 16 * 1024;

/**
 * Listens for the machine's owner: the socket has mode 0600, so whoever may open it may read the ledger anyway. Whoever calls this has the ledger
 * open, and so nobody else listens there: a socket that is left of a killed server is replaced. A server runs without it where it can't be made.
 */
export async function serveControl(controlled: Controlled, logger: Logger): Promise<AsyncDisposable> {
  const path = controlPath(controlled.store.path);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    serveConnection(socket, controlled, logger);
  });
  try {
    await listen(server, path);
  } catch (error) {
    logger.warn(
      { err: error, path },
      'no control socket: the ledger can only be worked on from outside (backups, refunds) while the server is stopped',
    );
  }
  return {
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of connections) socket.destroySoon();
      await closed;
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  if (process.platform !== 'win32') rmSync(path, { force: true });
  const restore = narrowUmask();
  server.listen(path);
  restore();
  await once(server, 'listening');
  server.unref();
  if (process.platform !== 'win32') chmodSync(path, 0o600);
}

/** The file is made in the turn of `listen`: so it never has wider rights, but in a worker thread, where there is no umask. */
function narrowUmask(): () => void {
  try {
    const before = process.umask(0o177);
    return () => process.umask(before);
  } catch {
    return () => {};
  }
}

function serveConnection(socket: Socket, controlled: Controlled, logger: Logger): void {
  socket.on('error', (error) => logger.debug({ err: error }, 'a connection to the control socket broke'));
  socket.on('data', () => {
    if (socket.bytesRead > MAX_REQUEST_BYTES) socket.destroy();
  });
  createInterface(socket).once('line', (line) => {
    void answer(line, controlled, logger).then((response) => socket.end(`${JSON.stringify(response)}\n`));
  });
}

async function answer(line: string, controlled: Controlled, logger: Logger): Promise<unknown> {
  try {
    const request = controlRequestSchema.parse(JSON.parse(line));
    return { ok: true, ...(await serve(request, controlled, logger)) };
  } catch (error) {
    const code = error instanceof LedgerError ? error.code : 'IO';
    return { ok: false, code, message: error instanceof Error ? error.message : String(error) };
  }
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
