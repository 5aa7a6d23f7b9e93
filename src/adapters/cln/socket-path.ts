import { Buffer } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Network } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import { expandHome } from '../shared/paths.ts';
import type { ClnConfig } from './config.ts';

/** Linux's `sun_path` without its closing zero. */
const LONGEST_SOCKET_PATH = 107;

const SOCKET_NAME = 'lightning-rpc';

/** Where lightningd's socket is, by the config. A network's own folder is taken too where the socket is right in it. */
export async function socketPath(config: ClnConfig): Promise<string> {
  if (config.socket !== undefined) return expandHome(config.socket);
  const dir = expandHome(config.lightningDir);
  const usual = join(dir, folderOf(config.network ?? 'mainnet'), SOCKET_NAME);
  if ((await kindOf(usual)) === 'missing') {
    const direct = join(dir, SOCKET_NAME);
    if ((await kindOf(direct)) === 'socket') return direct;
  }
  return usual;
}

/**
 * Makes sure that a path is a socket before the client package looks at it: it guesses other paths and prints when it is not.
 * @throws LightningError `UNAVAILABLE` when nothing is there, `INVALID_ARGUMENT` when something else is, `UNAUTHENTICATED`
 * when this user may not look.
 */
export async function requireSocket(path: string, operation: string): Promise<void> {
  const length = Buffer.byteLength(path);
  if (length > LONGEST_SOCKET_PATH) {
    throw new LightningError(
      'INVALID_ARGUMENT',
      `the socket's path has ${length} bytes, the system takes ${LONGEST_SOCKET_PATH}: ${path}`,
      { operation },
    );
  }
  const kind = await kindOf(path);
  if (kind === 'socket') return;
  if (kind === 'missing') {
    throw new LightningError('UNAVAILABLE', `there is no socket at ${path}: is lightningd running, and on this network?`, { operation });
  }
  if (kind === 'forbidden') {
    throw new LightningError('UNAUTHENTICATED', `this user may not look at ${path}: give it the rights of lightningd's group`, {
      operation,
    });
  }
  const hint = kind === 'folder' ? '; name the socket in it, or give the folder as lightningDir' : '';
  throw new LightningError('INVALID_ARGUMENT', `${path} is a ${kind}, not lightningd's socket${hint}`, { operation });
}

/** The error of a socket that could not be connected to. */
export function connectError(error: unknown, path: string, operation: string): LightningError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  if (code === 'EACCES' || code === 'EPERM') {
    return new LightningError('UNAUTHENTICATED', `this user may not open ${path}: give it the rights of lightningd's group`, { operation });
  }
  const why =
    code === 'ECONNREFUSED' ? 'nobody listens on it: lightningd is not running, or still starting' : `it can't be opened (${code})`;
  return new LightningError('UNAVAILABLE', `${path}: ${why}`, { operation });
}

function folderOf(network: Network): string {
  return network === 'mainnet' ? 'bitcoin' : network;
}

async function kindOf(path: string): Promise<'socket' | 'missing' | 'forbidden' | 'file' | 'folder'> {
  try {
    const found = await stat(path);
    if (found.isSocket()) return 'socket';
    return found.isDirectory() ? 'folder' : 'file';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'EACCES' || code === 'EPERM' ? 'forbidden' : 'missing';
  }
}
