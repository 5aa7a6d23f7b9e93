import { fstatSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/*
 * SQLite has no checksum of its pages, so a ledger has them beside: the seal. Of a ledger that is closed it stands behind the last
 * page, so that it goes where the file goes; of one that is open, or was killed, in a file of its own, `ledger.db-sums`, for
 * SQLite would take it for a page. Little endian:
 *
 *    0  u32 × pages  CRC-32 of each page
 *       u32          bytes of a page
 *       u32          pages
 *       u32          version, 1
 *       u32          CRC-32 of all of the seal before
 *       8            "LTPSEAL\n"
 */
const MAGIC = Buffer.from('LTPSEAL\n', 'latin1');
const VERSION = 1;
const FOOTER_BYTES = 24;
const CHUNK_BYTES = 1024 * 1024;

/** The checksums of a ledger's pages, that there are none, or something that should not be there. */
export type Seal =
  | { readonly kind: 'sealed'; readonly pageBytes: number; readonly sums: readonly number[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'damaged'; readonly reason: string };

/** Reads what is behind the last page of an open ledger file. */
export function readSeal(fd: number): Seal {
  const size = fstatSync(fd).size;
  const footer = size < FOOTER_BYTES ? Buffer.alloc(0) : readFully(fd, FOOTER_BYTES, size - FOOTER_BYTES);
  if (!endsInMagic(footer)) {
    // Without a seal a database is whole pages, of 512 bytes at least.
    return size % 512 === 0
      ? { kind: 'none' }
      : { kind: 'damaged', reason: 'the file ends in something that is neither a page nor a seal' };
  }
  const pages = footer.readUInt32LE(4);
  const pageBytes = footer.readUInt32LE(0);
  if (pages * (pageBytes + 4) + FOOTER_BYTES !== size) return { kind: 'damaged', reason: 'the seal is of a file of another length' };
  return parseSeal(readFully(fd, pages * 4 + FOOTER_BYTES, pages * pageBytes));
}

/** Reads the bytes of a seal. */
export function parseSeal(seal: Buffer): Seal {
  const checked = seal.length - MAGIC.length - 4;
  if (seal.length < FOOTER_BYTES || !endsInMagic(seal) || crc32(seal.subarray(0, checked)) !== seal.readUInt32LE(checked))
    return { kind: 'damaged', reason: 'the seal does not check' };
  if (seal.readUInt32LE(checked - 4) > VERSION) return { kind: 'damaged', reason: 'the seal was made by a newer version of this program' };
  const pages = seal.readUInt32LE(checked - 8);
  if (pages * 4 + FOOTER_BYTES !== seal.length) return { kind: 'damaged', reason: 'the seal is of another length' };
  const sums = Array.from({ length: pages }, (_, page) => seal.readUInt32LE(page * 4));
  return { kind: 'sealed', pageBytes: seal.readUInt32LE(checked - 12), sums };
}

function endsInMagic(bytes: Buffer): boolean {
  return bytes.length >= MAGIC.length && bytes.compare(MAGIC, 0, MAGIC.length, bytes.length - MAGIC.length) === 0;
}

/** The bytes of a seal. */
export function formatSeal(pageBytes: number, sums: readonly number[]): Buffer {
  const seal = Buffer.alloc(sums.length * 4 + FOOTER_BYTES);
  for (const [page, sum] of sums.entries()) seal.writeUInt32LE(sum, page * 4);
  let at = seal.writeUInt32LE(pageBytes, sums.length * 4);
  at = seal.writeUInt32LE(sums.length, at);
  at = seal.writeUInt32LE(VERSION, at);
  at = seal.writeUInt32LE(crc32(seal.subarray(0, at)), at);
  MAGIC.copy(seal, at);
  return seal;
}

/** Writes the seal behind the pages, on the disk before it returns. Where that fails there is none. */
export function writeSeal(fd: number, pageBytes: number, sums: readonly number[]): void {
  const seal = formatSeal(pageBytes, sums);
  const begin = sums.length * pageBytes;
  try {
    for (let done = 0; done < seal.length; ) done += writeSync(fd, seal, done, seal.length - done, begin + done);
    ftruncateSync(fd, begin + seal.length);
  } catch (error) {
    ftruncateSync(fd, begin);
    throw error;
  }
  fsyncSync(fd);
}

/** Calls back with each page's number (from 1) and bytes, which are its own only until it returns. */
export function forEachPage(fd: number, pageBytes: number, pages: number, visit: (page: number, bytes: Buffer) => void): void {
  const atOnce = Math.max(1, Math.floor(CHUNK_BYTES / pageBytes));
  for (let first = 0; first < pages; first += atOnce) {
    const count = Math.min(atOnce, pages - first);
    const chunk = readFully(fd, count * pageBytes, first * pageBytes);
    for (let i = 0; i < count; i += 1) visit(first + i + 1, chunk.subarray(i * pageBytes, (i + 1) * pageBytes));
  }
}

/** Reads so many bytes; what the file does not have stays zero. */
export function readFully(fd: number, length: number, position: number): Buffer {
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const read = readSync(fd, buffer, done, length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return buffer;
}

/** The size of a page that a database's first bytes say; undefined where they are not a database's. See https://sqlite.org/fileformat2.html. */
export function pageBytesOf(header: Buffer): number | undefined {
  if (header.length < 100 || header.toString('latin1', 0, 16) !== 'SQLite format 3\0') return undefined;
  const said = header.readUInt16BE(16);
  const bytes = said === 1 ? 65536 : said;
  return bytes >= 512 && (bytes & (bytes - 1)) === 0 ? bytes : undefined;
}
