import { readFileSync } from 'node:fs';

/*
 * SQLite's write-ahead log (https://sqlite.org/fileformat2.html#the_write_ahead_log): a header of 32 bytes, then frames of 24 bytes
 * and a page each. A frame counts if it has the header's salts, its checksum follows from all before it, and one that ends a
 * commit comes at or after it.
 */
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;

/** What a write-ahead log holds. */
export interface Wal {
  readonly bytes: Buffer;
  /** Page → where its newest committed content begins in {@link bytes}. */
  readonly pages: ReadonlyMap<number, number>;
  readonly pageBytes: number;
  /** Pages of the database after the last commit; undefined where there is none. */
  readonly pageCount: number | undefined;
  readonly commits: number;
  /**
   * What comes after the last commit. `unfinished`: a commit that was under way, of which nobody was told. `leftover`: frames of
   * earlier use. `damaged`: something that no killed process leaves behind.
   */
  readonly tail: 'none' | 'unfinished' | 'leftover' | 'damaged';
  /**
   * Whole commits that come after the damage and that SQLite would throw away. The second of them was only begun when the first
   * was on the disk: two or more are no power cut.
   */
  readonly commitsLost: number;
}

const EMPTY: Wal = {
  bytes: Buffer.alloc(0),
  pages: new Map(),
  pageBytes: 0,
  pageCount: undefined,
  commits: 0,
  tail: 'none',
  commitsLost: 0,
};

/** Reads the write-ahead log at a path; a file that is not there, or empty, holds nothing. */
export function readWal(path: string): Wal {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return EMPTY;
    throw error;
  }
  return parseWal(bytes);
}

/** Reads the bytes of a write-ahead log. */
export function parseWal(bytes: Buffer): Wal {
  if (bytes.length < HEADER_BYTES) return { ...EMPTY, bytes, tail: bytes.length === 0 ? 'none' : 'unfinished' };
  const magic = bytes.readUInt32BE(0);
  const summer = new Checksum(bytes, (magic & 1) === 1);
  summer.add(0, 24);
  const pageBytes = bytes.readUInt32BE(8);
  if ((magic & ~1) !== MAGIC || !summer.is(24) || bytes.readUInt32BE(4) !== 3007000 || pageBytes < 512)
    return { ...EMPTY, bytes, tail: 'damaged' };

  const pages = new Map<number, number>();
  const uncommitted = new Map<number, number>();
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  let pageCount: number | undefined;
  let commits = 0;
  let at = HEADER_BYTES;
  let problem: Wal['tail'] | undefined;
  for (; at < bytes.length; at += frameBytes) {
    problem = problemOf(bytes, at, frameBytes, summer);
    if (problem !== undefined) break;
    uncommitted.set(bytes.readUInt32BE(at), at + FRAME_HEADER_BYTES);
    const size = bytes.readUInt32BE(at + 4);
    if (size === 0) continue;
    for (const [page, offset] of uncommitted) pages.set(page, offset);
    uncommitted.clear();
    pageCount = size;
    commits += 1;
  }
  const commitsLost = problem === 'damaged' ? commitsAfter(bytes, at, frameBytes, summer) : 0;
  return { bytes, pages, pageBytes, pageCount, commits, tail: problem ?? (uncommitted.size > 0 ? 'unfinished' : 'none'), commitsLost };
}

/** Commits after a frame that does not check, taking its checksum as it stands. */
function commitsAfter(bytes: Buffer, damaged: number, frameBytes: number, summer: Checksum): number {
  let commits = 0;
  for (let at = damaged + frameBytes; at + frameBytes <= bytes.length; at += frameBytes) {
    summer.goOnFrom(at - frameBytes + 16);
    if (problemOf(bytes, at, frameBytes, summer) === undefined && bytes.readUInt32BE(at + 4) !== 0) commits += 1;
  }
  return commits;
}

/** Content of a page as a {@link Wal} has it; undefined where it does not have it. */
export function pageInWal(wal: Wal, page: number): Buffer | undefined {
  const offset = wal.pages.get(page);
  return offset === undefined ? undefined : wal.bytes.subarray(offset, offset + wal.pageBytes);
}

function problemOf(bytes: Buffer, at: number, frameBytes: number, summer: Checksum): Wal['tail'] | undefined {
  const rest = bytes.length - at;
  if (rest < FRAME_HEADER_BYTES) return 'unfinished';
  let otherSalt = 0;
  for (let i = 0; i < 8; i += 1) if (bytes[at + 8 + i] !== bytes[16 + i]) otherSalt += 1;
  // With each use of the file one salt counts up and the other is drawn anew; a salt with a flipped byte is no earlier use's.
  if (otherSalt >= 3) return 'leftover';
  if (rest < frameBytes) return 'unfinished';
  summer.add(at, 8);
  summer.add(at + FRAME_HEADER_BYTES, frameBytes - FRAME_HEADER_BYTES);
  return otherSalt === 0 && summer.is(at + 16) ? undefined : 'damaged';
}

/** The running checksum of a write-ahead log. */
class Checksum {
  readonly #bytes: DataView;
  readonly #littleEndian: boolean;
  #first = 0;
  #second = 0;

  constructor(bytes: Buffer, bigEndian: boolean) {
    this.#bytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = !bigEndian;
  }

  add(from: number, length: number): void {
    const view = this.#bytes;
    let first = this.#first;
    let second = this.#second;
    for (let at = from; at < from + length; at += 8) {
      first = (first + view.getUint32(at, this.#littleEndian) + second) | 0;
      second = (second + view.getUint32(at + 4, this.#littleEndian) + first) | 0;
    }
    this.#first = first;
    this.#second = second;
  }

  /** Takes the one that stands there. */
  goOnFrom(at: number): void {
    this.#first = this.#bytes.getInt32(at);
    this.#second = this.#bytes.getInt32(at + 4);
  }

  /** Whether it is the one that stands there. */
  is(at: number): boolean {
    return this.#bytes.getInt32(at) === this.#first && this.#bytes.getInt32(at + 4) === this.#second;
  }
}
