import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What `sockaddr_un` has room for on macOS; Linux has 4 more. */
const MAX_PATH_BYTES = 103;

/**
 * Where a server that has a ledger open listens for what its owner wants of it: a Unix socket beside the ledger, or, where that
 * path is too long, in the folder for temporary files; a named pipe on Windows.
 */
export function controlPath(ledger: string): string {
  const name = createHash('sha256').update(ledger).digest('hex').slice(0, 32);
  if (process.platform === 'win32') return `\\\\.\\pipe\\tickerplant-${name}`;
  const beside = `${ledger}-control`;
  return Buffer.byteLength(beside) <= MAX_PATH_BYTES ? beside : join(tmpdir(), `tickerplant-${name}`);
}
