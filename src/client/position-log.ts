import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { ResumePosition } from '../core/tickerplant/messages.ts';
import { SubscriberError } from './errors.ts';

/** Where a batch of output goes. Without `file` (a pipe, a terminal) it can't be told afterwards whether it arrived. */
export interface OutputPlace {
  /** A regular file: device and inode, its path where known, and where in it the batch begins. */
  readonly file?: { readonly dev: string; readonly ino: string; readonly path: string | undefined; readonly before: number };
}

/** What one record says: positions after it, and the batch of output that moves there, if any. */
export interface PositionRecord {
  readonly positions: Readonly<Record<string, ResumePosition>>;
  /** The output has its heading line. */
  readonly headed: boolean;
  readonly place?: OutputPlace;
  readonly bytes?: Uint8Array;
}

interface Slot {
  readonly number: number;
  readonly record: PositionRecord;
  readonly done: boolean;
}

const MAGIC = 'TPPOS1\0\0';
const FILE_HEADER = 4096;
const SLOT_HEADER = 16;
const FIRST_SLOT_BYTES = 256 * 1024;
const DONE = 0x5a5a5a5a;
const NOTHING: PositionRecord = { positions: {}, headed: false };

/**
 * Positions in a preallocated file of two slots, written in turn, each with a checksum: a record that was torn by the end of
 * the process is never read, and the one before it is there still. A record is one `pwrite` to the page cache; that holds
 * through `kill -9`. A loss of power may take the last ones with it.
 */
export class PositionLog {
  readonly #path: string;
  #fd: number;
  #slotBytes: number;
  #buffer: Buffer;
  #number = 0;
  #crc = 0;
  /** The newest record that counts, and the one that it goes back to. */
  #current: Slot | undefined;
  #previous: Slot | undefined;

  private constructor(path: string, fd: number, slotBytes: number) {
    this.#path = path;
    this.#fd = fd;
    this.#slotBytes = slotBytes;
    this.#buffer = Buffer.alloc(slotBytes);
  }

  /** Opens or creates the file, mode 0600. @throws SubscriberError `STATE_CORRUPT`, `STATE_IO`. */
  static open(path: string): PositionLog {
    return io(path, () => {
      const fd = openSync(path, 'a+', 0o600);
      closeSync(fd);
      const writable = openSync(path, 'r+');
      try {
        return PositionLog.#read(path, writable);
      } catch (error) {
        closeSync(writable);
        throw error;
      }
    });
  }

  static #read(path: string, fd: number): PositionLog {
    const header = Buffer.alloc(12);
    const read = readSync(fd, header, 0, 12, 0);
    // New, or ended while it was made: there was no record yet.
    if (read < 12 || (header.every((byte) => byte === 0) && PositionLog.#slotsOf(path, fd, FIRST_SLOT_BYTES).length === 0)) {
      ftruncateSync(fd, 0);
      // The heading first: on a full disk a file may still be given room that it can't fill.
      writeSync(fd, fileHeader(FIRST_SLOT_BYTES), 0, 12, 0);
      ftruncateSync(fd, FILE_HEADER + 2 * FIRST_SLOT_BYTES);
      return new PositionLog(path, fd, FIRST_SLOT_BYTES);
    }
    const slotBytes = header.readUInt32LE(8);
    if (header.toString('latin1', 0, 8) !== MAGIC || slotBytes < SLOT_HEADER) {
      throw new SubscriberError('STATE_CORRUPT', `${path} is not a file of positions`);
    }
    const log = new PositionLog(path, fd, slotBytes);
    [log.#current, log.#previous] = PositionLog.#slotsOf(path, fd, slotBytes);
    log.#number = log.#current?.number ?? 0;
    return log;
  }

  /** The records that can be read, the newest first. */
  static #slotsOf(path: string, fd: number, slotBytes: number): readonly Slot[] {
    const log = new PositionLog(path, fd, slotBytes);
    const slots = [0, 1].map((index) => log.#readSlot(index)).filter((slot) => slot !== undefined);
    return slots.sort((one, other) => other.number - one.number);
  }

  /** The newest record; an empty one before the first. */
  get current(): PositionRecord {
    return this.#current?.record ?? NOTHING;
  }

  /** The batch that was begun and not marked done when the process ended. Must be resolved before anything is recorded. */
  get unfinished(): PositionRecord | undefined {
    return this.#current !== undefined && !this.#current.done ? this.#current.record : undefined;
  }

  /** Says what became of the unfinished batch; not written: back to the record before it. */
  resolve(written: boolean): void {
    const { positions, headed } = (written ? this.#current : this.#previous)?.record ?? NOTHING;
    this.record({ positions, headed });
  }

  /** Records positions that hold from now on. */
  record(record: Omit<PositionRecord, 'place' | 'bytes'>): void {
    this.#write(record, true);
  }

  /** Records what is about to be written, and where; {@link done} follows. */
  begin(record: PositionRecord & { readonly place: OutputPlace; readonly bytes: Uint8Array }): void {
    this.#write(record, false);
  }

  /** The batch was written whole. */
  done(): void {
    const { positions, headed } = this.current;
    const mark = Buffer.alloc(4);
    mark.writeUInt32LE((this.#crc ^ DONE) >>> 0);
    io(this.#path, () => writeSync(this.#fd, mark, 0, 4, this.#offset(this.#number)));
    this.#current = { number: this.#number, record: { positions, headed }, done: true };
  }

  /** Brings it to the disk and closes it. */
  close(): void {
    try {
      fsyncSync(this.#fd);
    } finally {
      closeSync(this.#fd);
    }
  }

  #offset(number: number): number {
    return FILE_HEADER + (number % 2) * this.#slotBytes;
  }

  #write(record: PositionRecord, done: boolean): void {
    const number = this.#number + 1;
    const length = this.#fill(number, record, done);
    io(this.#path, () => {
      let written = 0;
      while (written < length) written += writeSync(this.#fd, this.#buffer, written, length - written, this.#offset(number) + written);
    });
    this.#number = number;
    this.#previous = this.#current;
    this.#current = { number, record, done };
  }

  #fill(number: number, record: PositionRecord, done: boolean): number {
    const { bytes, ...rest } = record;
    const json = JSON.stringify({ number, ...rest });
    const size = bytes?.length ?? 0;
    const needed = SLOT_HEADER + json.length * 3 + size;
    if (needed > this.#slotBytes) this.#grow(needed * 2);
    const jsonLength = this.#buffer.write(json, SLOT_HEADER);
    this.#buffer.writeUInt32LE(jsonLength, 8);
    this.#buffer.writeUInt32LE(size, 12);
    if (bytes !== undefined) this.#buffer.set(bytes, SLOT_HEADER + jsonLength);
    const length = SLOT_HEADER + jsonLength + size;
    this.#crc = crc32(this.#buffer.subarray(8, length));
    this.#buffer.writeUInt32LE(this.#crc, 4);
    this.#buffer.writeUInt32LE(done ? (this.#crc ^ DONE) >>> 0 : 0, 0);
    return length;
  }

  /** A new file with larger slots takes the old one's place, the newest record in it. */
  #grow(slotBytes: number): void {
    io(this.#path, () => {
      const temporary = `${this.#path}.new`;
      const fd = openSync(temporary, 'w+', 0o600);
      ftruncateSync(fd, FILE_HEADER + 2 * slotBytes);
      writeSync(fd, fileHeader(slotBytes), 0, 12, 0);
      const old = Buffer.alloc(this.#slotBytes);
      if (this.#current !== undefined) {
        const read = readSync(this.#fd, old, 0, this.#slotBytes, this.#offset(this.#number));
        writeSync(fd, old, 0, read, FILE_HEADER + (this.#number % 2) * slotBytes);
      }
      fsyncSync(fd);
      renameSync(temporary, this.#path);
      closeSync(this.#fd);
      this.#fd = fd;
      this.#slotBytes = slotBytes;
      this.#buffer = Buffer.alloc(slotBytes);
    });
  }

  #readSlot(index: number): Slot | undefined {
    const buffer = Buffer.alloc(this.#slotBytes);
    const read = readSync(this.#fd, buffer, 0, this.#slotBytes, FILE_HEADER + index * this.#slotBytes);
    if (read < SLOT_HEADER) return undefined;
    const jsonEnd = SLOT_HEADER + buffer.readUInt32LE(8);
    const end = jsonEnd + buffer.readUInt32LE(12);
    const crc = buffer.readUInt32LE(4);
    if (jsonEnd === SLOT_HEADER || end > read || crc32(buffer.subarray(8, end)) !== crc) return undefined;
    const { number, ...record } = JSON.parse(buffer.toString('utf8', SLOT_HEADER, jsonEnd)) as PositionRecord & { readonly number: number };
    const done = buffer.readUInt32LE(0) === (crc ^ DONE) >>> 0;
    return { number, done, record: end === jsonEnd ? record : { ...record, bytes: buffer.subarray(jsonEnd, end) } };
  }
}

function fileHeader(slotBytes: number): Buffer {
  const header = Buffer.alloc(12);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(slotBytes, 8);
  return header;
}

function io<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof SubscriberError) throw cause;
    throw new SubscriberError('STATE_IO', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
