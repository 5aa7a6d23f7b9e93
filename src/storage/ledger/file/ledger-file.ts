import { closeSync, fstatSync, openSync, statSync, truncateSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { type CopiedLedger, copyPages } from './copy-pages.ts';
import type { LedgerImage } from './ledger-image.ts';
import { removeOpenSeal, writeOpenSeal } from './open-seal.ts';
import { forEachPage, pageBytesOf, readFully, writeSeal } from './page-sums.ts';
import { readWal, type Wal } from './wal.ts';

/** A write-ahead log that has grown to this is brought into the file. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;

/**
 * The bytes under an open ledger: brings the write-ahead log into the file, at no other time than it says, and keeps the
 * checksums of all pages. So between two checkpoints the file stands still and can be checked and copied.
 */
export class LedgerFile implements Disposable {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #lock: Disposable;
  readonly #fd: number;
  /** Of the pages in the file; undefined where nobody knows them. */
  #sums: number[] | undefined;
  #copies = 0;

  /** `sums`: those that {@link breakSeal} has answered. The lock is freed with the file. */
  constructor(path: string, database: DatabaseSync, lock: Disposable, sums: readonly number[] | undefined) {
    this.path = path;
    this.#database = database;
    this.#lock = lock;
    // Only under the lock: closing any descriptor of the file drops the locks that SQLite holds on it in this process.
    this.#fd = openSync(path, 'r+');
    this.#sums = sums === undefined ? undefined : [...sums];
  }

  /** Whether the checksums of its pages are known: not those of a new ledger, nor of one of an earlier version. */
  get sealed(): boolean {
    return this.#sums !== undefined;
  }

  /** {@link checkpoint}, if the log has grown. A disk that is full or fails leaves the log as it is, for the next time. */
  checkpointIfDue(): void {
    const size = statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (size < CHECKPOINT_BYTES || this.#copies > 0) return;
    try {
      this.checkpoint();
    } catch {
      // Nothing is lost by it: what is committed is in the log.
    }
  }

  /**
   * Brings the log into the file. The seal beside it is written when the pages are on the disk and before the log is emptied, so
   * at any moment a page of the file has its checksum or is the one in the log.
   * @throws whatever SQLite and the file system say; what is committed stays so.
   */
  checkpoint(): void {
    const wal = readWal(`${this.path}-wal`);
    if (wal.pageCount === undefined && this.#sums !== undefined) return;
    this.#bringIn('FULL');
    try {
      const pageBytes = this.#pageBytes();
      this.#sums = this.#sums === undefined ? this.#sumAll(pageBytes) : sumsWith(this.#sums, wal);
      writeOpenSeal(this.path, pageBytes, this.#sums);
    } catch (error) {
      // The next commit begins the log anew: an old seal would be wrong from then on.
      this.#sums = undefined;
      throw error;
    }
    this.#bringIn('TRUNCATE');
  }

  /**
   * Copies the ledger as it is committed now; commands go on meanwhile, into the log.
   * @throws LedgerError `CORRUPT` where a page is not what was written, `CONFLICT` where the target is there, `FULL`, `IO`.
   */
  async copyTo(target: string, overwrite: boolean): Promise<CopiedLedger> {
    if (this.#copies === 0) this.checkpoint();
    const sums = [...(this.#sums ?? [])];
    const pageBytes = this.#pageBytes();
    this.#copies += 1;
    try {
      return await copyPages({ path: this.path, fd: this.#fd, pageBytes, pageCount: sums.length, sums }, target, overwrite);
    } finally {
      this.#copies -= 1;
    }
  }

  /** Brings the log into the file, closes and seals it, frees the lock. */
  [Symbol.dispose](): void {
    try {
      this.#close();
    } finally {
      closeSync(this.#fd);
      this.#lock[Symbol.dispose]();
    }
  }

  #close(): void {
    try {
      this.checkpoint();
    } catch {
      this.#sums = undefined;
    }
    const pageBytes = this.#pageBytes();
    this.#database.close();
    try {
      if (this.#sums !== undefined) writeSeal(this.#fd, pageBytes, this.#sums);
    } catch {
      // A full disk: then it has no seal.
    }
    removeOpenSeal(this.path);
  }

  #bringIn(mode: 'FULL' | 'TRUNCATE'): void {
    const done = this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
    if (done?.['busy'] !== 0) throw new Error('the write-ahead log could not be brought into the file');
  }

  #pageBytes(): number {
    return pageBytesOf(readFully(this.#fd, 100, 0)) ?? 4096;
  }

  #sumAll(pageBytes: number): number[] {
    const sums: number[] = [];
    forEachPage(this.#fd, pageBytes, Math.floor(fstatSync(this.#fd).size / pageBytes), (_, bytes) => sums.push(crc32(bytes)));
    return sums;
  }
}

/**
 * Makes a closed ledger ready for SQLite: its seal goes from behind the pages to a file beside it. Answers the checksums, where
 * there are any. Whoever calls it has the ledger's lock, and SQLite does not have the file yet.
 */
export function breakSeal(image: LedgerImage): readonly number[] | undefined {
  const { seal, path, sealedBehind } = image;
  if (seal.kind !== 'sealed') return undefined;
  if (sealedBehind) {
    writeOpenSeal(path, seal.pageBytes, seal.sums);
    truncateSync(path, seal.sums.length * seal.pageBytes);
  }
  return seal.sums;
}

function sumsWith(sums: readonly number[], wal: Wal): number[] {
  const pageCount = wal.pageCount ?? sums.length;
  const all = sums.slice(0, pageCount);
  for (const [page, offset] of wal.pages) {
    if (page <= pageCount) all[page - 1] = crc32(wal.bytes.subarray(offset, offset + wal.pageBytes));
  }
  return all;
}
