import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { StoreError } from '../core/store/errors.ts';

/** What tells a file that was sold from what is there later. */
export interface FileIdentity {
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtimeMs: number;
  /** SHA-256, where the file is small enough to be read for it. */
  readonly sha256?: string;
}

/** Larger files are told by size and time alone. */
const DIGESTED_BYTES = 16 * 1024 * 1024;
const KEPT_DIGESTS = 1_000;
const CHUNK_BYTES = 64 * 1024;

/** Opens what is a file and no link, without waiting for a pipe's other end. @throws the file system's errors; StoreError `CHANGED` for no file. */
export async function openFile(path: string): Promise<{ readonly handle: FileHandle; readonly size: number; readonly mtimeMs: number }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new StoreError('CHANGED', 'what you bought is not a file any more');
    return { handle, size: stat.size, mtimeMs: stat.mtimeMs };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Looks at files, and remembers the digests of those that have not changed since. */
export class FileIdentities {
  readonly #digests = new Map<string, string>();

  /** @throws the file system's errors. */
  async of(path: string): Promise<FileIdentity> {
    const { handle, size, mtimeMs } = await openFile(path);
    try {
      const sha256 = await this.#digest(path, handle, size, mtimeMs);
      return sha256 === undefined ? { size, mtimeMs } : { size, mtimeMs, sha256 };
    } finally {
      await handle.close();
    }
  }

  /** Whether an open file is the one that was sold: touched or copied, it still is, where its bytes are known. */
  async isSame(path: string, file: Awaited<ReturnType<typeof openFile>>, sold: FileIdentity): Promise<boolean> {
    if (file.size !== sold.size) return false;
    if (file.mtimeMs === sold.mtimeMs) return true;
    return sold.sha256 !== undefined && (await this.#digest(path, file.handle, file.size, file.mtimeMs)) === sold.sha256;
  }

  async #digest(path: string, handle: FileHandle, size: number, mtimeMs: number): Promise<string | undefined> {
    if (size > DIGESTED_BYTES) return undefined;
    const key = `${path}\0${size}\0${mtimeMs}`;
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let position = 0; ; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    const digest = hash.digest('hex');
    const [oldest] = this.#digests.keys();
    if (this.#digests.size >= KEPT_DIGESTS && oldest !== undefined) this.#digests.delete(oldest);
    this.#digests.set(key, digest);
    return digest;
  }
}
