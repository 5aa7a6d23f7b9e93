import { closeSync, existsSync, fstatSync, openSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { readOpenSeal } from './open-seal.ts';
import { forEachPage, pageBytesOf, readFully, readSeal, type Seal } from './page-sums.ts';
import { pageInWal, readWal, type Wal } from './wal.ts';

/** A page that is not what was written. */
export interface DamagedPage {
  readonly page: number;
  /** Where it begins in the file. */
  readonly at: number;
  /** The write-ahead log has it whole: opening the ledger and closing it in order puts it right. */
  readonly inWal: boolean;
}

/**
 * A ledger's file and write-ahead log as bytes, without SQLite: what is committed is a page of the log or else of the file. Whoever
 * makes one has the ledger's lock.
 */
export class LedgerImage implements Disposable {
  readonly path: string;
  readonly fd: number;
  readonly size: number;
  readonly wal: Wal;
  readonly seal: Seal;
  /** Whether the seal stands behind the pages: the ledger was closed in order. */
  readonly sealedBehind: boolean;
  /** Undefined where neither the file nor the log say. */
  readonly pageBytes: number | undefined;
  /** Pages of the database as it is committed. */
  readonly pageCount: number;
  /** Pages that are in the file. */
  readonly filePages: number;

  constructor(path: string) {
    this.path = path;
    this.wal = readWal(`${path}-wal`);
    this.fd = openSync(path, 'r');
    try {
      this.size = fstatSync(this.fd).size;
      const behind = readSeal(this.fd);
      // A seal beside the file counts with the log beside it: without, another program has brought that into the file.
      const hasWal = existsSync(`${path}-wal`);
      this.sealedBehind = behind.kind === 'sealed';
      this.seal = behind.kind === 'none' && hasWal ? readOpenSeal(path) : behind;
      const header = readFully(this.fd, 100, 0);
      this.pageBytes = pageBytesOf(header) ?? (this.wal.pageCount === undefined ? undefined : this.wal.pageBytes);
      const said = this.seal.kind === 'sealed' ? this.seal.sums.length : header.readUInt32BE(28);
      this.filePages = this.pageBytes === undefined ? 0 : Math.min(said, Math.ceil(this.size / this.pageBytes));
      this.pageCount = this.wal.pageCount ?? this.filePages;
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /** Pages of the file that are not what was written. Empty also where there is no seal to tell. */
  damagedPages(): readonly DamagedPage[] {
    if (this.seal.kind !== 'sealed') return [];
    const { pageBytes, sums } = this.seal;
    const damaged: DamagedPage[] = [];
    forEachPage(this.fd, pageBytes, sums.length, (page, bytes) => {
      if (crc32(bytes) === sums[page - 1]) return;
      const newer = pageInWal(this.wal, page);
      // A process that was killed while it brought the log into the file: this page is there already.
      if (newer?.equals(bytes) === true) return;
      damaged.push({ page, at: (page - 1) * pageBytes, inWal: newer !== undefined });
    });
    return damaged;
  }

  /** Calls back with each committed page, in order. */
  forEach(visit: (page: number, bytes: Buffer) => void): void {
    const { pageBytes } = this;
    if (pageBytes === undefined) return;
    const inFile = Math.min(this.filePages, this.pageCount);
    forEachPage(this.fd, pageBytes, inFile, (page, bytes) => visit(page, pageInWal(this.wal, page) ?? bytes));
    for (let page = inFile + 1; page <= this.pageCount; page += 1) visit(page, pageInWal(this.wal, page) ?? Buffer.alloc(pageBytes));
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
