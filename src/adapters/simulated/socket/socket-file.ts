import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { LightningError } from '../../../core/lightning/errors.ts';
import { narrowUmask } from '../../shared/narrow-umask.ts';

/** What `sockaddr_un` has room for on Linux; macOS has 4 less. */
const MAX_PATH_BYTES = 107;

/**
 * Listens on a path, with mode 0600. A socket file that nobody serves any more is replaced.
 * @throws LightningError `CONFLICT` (a live process serves it, or another kind of file is there), `INVALID_ARGUMENT` (too long); each names the path.
 */
export async function listenOn(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw socketError('INVALID_ARGUMENT', `a socket's path has at most ${MAX_PATH_BYTES} bytes: ${path}`);
  mkdirSync(dirname(path), { recursive: true });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket()) throw socketError('CONFLICT', `${path} is there and is not a socket`);
  if (found !== undefined) {
    if (await isServed(path)) throw socketError('CONFLICT', `${path} is served by another process already`);
    unlinkSync(path);
  }
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error) => reject(socketError('CONFLICT', `can't listen on ${path}: ${cause.message}`, cause));
    server.once('error', failed);
    const restore = narrowUmask();
    server.listen(path, () => {
      server.off('error', failed);
      resolve();
    });
    restore();
  });
  chmodSync(path, 0o600);
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (served: boolean) => {
      socket.destroy();
      resolve(served);
    };
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}

function socketError(code: 'CONFLICT' | 'INVALID_ARGUMENT', message: string, cause?: unknown): LightningError {
  return new LightningError(code, message, { operation: 'listen', cause });
}
