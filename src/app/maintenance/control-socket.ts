import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { narrowUmask } from '../../adapters/shared/narrow-umask.ts';
import { LedgerError } from '../../core/ports/ledger.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { controlPath } from './control-path.ts';

/** Does what a request asks for; its answer must be JSON. What it throws is told to whoever asked. */
export type ControlHandler = (request: unknown) => Promise<Readonly<Record<string, unknown>>>;

/** Nobody needs more for a request. */
const MAX_REQUEST_BYTES = 16 * 1024;

/**
 * Listens for the machine's owner: the socket has mode 0600, so whoever may open it may read the database anyway. Whoever calls this has the database
 * open, and so nobody else listens there: a socket that is left of a killed server is replaced. A server runs without it where it can't be made.
 */
export async function openControlSocket(database: string, handle: ControlHandler, logger: Logger): Promise<AsyncDisposable> {
  const path = controlPath(database);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    serveConnection(socket, handle, logger);
  });
  try {
    await listen(server, path);
  } catch (error) {
    logger.warn(
      { err: error, path },
      'no control socket: the database can only be worked on from outside (refunds, backups) while this is stopped',
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

function serveConnection(socket: Socket, handle: ControlHandler, logger: Logger): void {
  socket.on('error', (error) => logger.debug({ err: error }, 'a connection to the control socket broke'));
  socket.on('data', () => {
    if (socket.bytesRead > MAX_REQUEST_BYTES) socket.destroy();
  });
  createInterface(socket).once('line', (line) => {
    void answer(line, handle).then((response) => socket.end(`${JSON.stringify(response)}\n`));
  });
}

async function answer(line: string, handle: ControlHandler): Promise<unknown> {
  try {
    return { ok: true, ...(await handle(JSON.parse(line))) };
  } catch (error) {
    const code = error instanceof LedgerError ? error.code : 'IO';
    return { ok: false, code, message: error instanceof Error ? error.message : String(error) };
  }
}
