import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';

/** What becomes of writes that were not synced when the power goes. */
export type PowerCut =
  /** All of them are gone. */
  | 'lose'
  /** Each sector of each of them is on the disk or not, by chance; of names, too, some have got there. */
  | 'tear';

type Change = { readonly at: number; readonly bytes: Buffer } | { readonly truncateTo: number };
type NameChange =
  | { readonly kind: 'add'; readonly name: string; readonly file: File }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string };

const SECTOR = 512;

/** A file as the disk has it, and what has been done to it since it was last synced. */
class File {
  #durable: Buffer;
  #changes: Change[] = [];

  constructor(durable: Buffer = Buffer.alloc(0)) {
    this.#durable = durable;
  }

  get changes(): number {
    return this.#changes.length;
  }

  change(change: Change): void {
    this.#changes.push(change);
  }

  /** The first so many changes have reached the disk. */
  synced(count: number): void {
    this.#durable = this.#changes.splice(0, count).reduce<Buffer>((bytes, each) => apply(bytes, each), this.#durable);
  }

  /** What is there after the power was gone. */
  after(cut: PowerCut, chance: () => number): Buffer {
    if (cut === 'lose') return this.#durable;
    return this.#changes.reduce<Buffer>((bytes, each) => {
      if ('truncateTo' in each) return chance() < 0.5 ? apply(bytes, each) : bytes;
      return sectorsOf(each).reduce<Buffer>((some, piece) => (chance() < 0.5 ? apply(some, piece) : some), bytes);
    }, this.#durable);
  }
}

function apply(bytes: Buffer, change: Change): Buffer {
  if ('truncateTo' in change) return Buffer.concat([bytes], change.truncateTo);
  const grown = Buffer.concat([bytes], Math.max(bytes.length, change.at + change.bytes.length));
  grown.set(change.bytes, change.at);
  return grown;
}

/** A write, cut at the disk's sectors. */
function sectorsOf({ at, bytes }: { readonly at: number; readonly bytes: Buffer }): { readonly at: number; readonly bytes: Buffer }[] {
  const pieces: { at: number; bytes: Buffer }[] = [];
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + SECTOR - ((at + from) % SECTOR));
    pieces.push({ at: at + from, bytes: bytes.subarray(from, to) });
    from = to;
  }
  return pieces;
}

/** A folder whose files are real, and beneath which the power can go. Only what goes through `node:fs` is seen. */
export class LossyDisk implements Disposable {
  readonly dir: string;
  readonly #files = new Map<string, File>();
  /** Names that the disk has, and what has been done to them since the folder was last synced. */
  #names = new Map<string, File>();
  #nameChanges: NameChange[] = [];

  /** What is in `dir` already is on the disk. */
  constructor(dir: string) {
    this.dir = resolve(dir);
    for (const name of real.readdirSync(this.dir)) {
      const file = new File(real.readFileSync(join(this.dir, name)));
      this.#files.set(join(this.dir, name), file);
      this.#names.set(name, file);
    }
    layer.add(this);
  }

  /** The power goes: writes what the disk has to another folder, which is not there yet. */
  cutPower(to: string, cut: PowerCut, chance: () => number): void {
    const names = new Map(this.#names);
    for (const change of this.#nameChanges) {
      if (cut === 'lose' || chance() < 0.5) continue;
      if (change.kind === 'add') names.set(change.name, change.file);
      else {
        const file = names.get(change.name);
        names.delete(change.name);
        if (change.kind === 'rename' && file !== undefined) names.set(change.to, file);
      }
    }
    real.mkdirSync(to);
    for (const [name, file] of names) real.writeFileSync(join(to, name), file.after(cut, chance));
  }

  [Symbol.dispose](): void {
    layer.delete(this);
  }

  /** A file of ours by its path; undefined: none of ours. */
  fileAt(path: string): File | undefined {
    return this.#files.get(path);
  }

  created(path: string): File {
    const file = new File();
    this.#files.set(path, file);
    this.#nameChanges.push({ kind: 'add', name: basename(path), file });
    return file;
  }

  removed(path: string): void {
    if (this.#files.delete(path)) this.#nameChanges.push({ kind: 'remove', name: basename(path) });
  }

  renamed(path: string, to: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    this.#files.set(to, file);
    this.#nameChanges.push({ kind: 'rename', name: basename(path), to: basename(to) });
  }

  /** The folder was synced. */
  namesSynced(): void {
    for (const change of this.#nameChanges.splice(0)) {
      if (change.kind === 'add') this.#names.set(change.name, change.file);
      else {
        const file = this.#names.get(change.name);
        this.#names.delete(change.name);
        if (change.kind === 'rename' && file !== undefined) this.#names.set(change.to, file);
      }
    }
  }
}

/** Disks that are watched at present. */
const layer = new Set<LossyDisk>();
/** Files and folders that are open, by their descriptors. */
const open = new Map<number, { readonly file?: File; readonly folder?: LossyDisk }>();
const real = { ...fs };

function diskOf(path: unknown): { readonly disk: LossyDisk; readonly path: string } | undefined {
  if (typeof path !== 'string') return undefined;
  const absolute = resolve(path);
  for (const disk of layer) if (dirname(absolute) === disk.dir && !basename(absolute).includes('.lock')) return { disk, path: absolute };
  return undefined;
}

function syncedBy(fd: number): (() => void) | undefined {
  const { file, folder } = open.get(fd) ?? {};
  if (folder !== undefined) return () => folder.namesSynced();
  if (file === undefined) return undefined;
  // What is written while it goes on may not be part of it.
  const count = file.changes;
  return () => file.synced(count);
}

// biome-ignore lint/suspicious/noExplicitAny: each of them is called as the one in whose place it stands.
type AnyFunction = (...args: any[]) => any;

const inPlace: Readonly<Record<string, AnyFunction>> = {
  openSync(path, flags, mode) {
    const found = diskOf(path);
    const isNew = found !== undefined && !real.existsSync(found.path);
    const fd = real.openSync(path, flags, mode);
    for (const folder of layer) if (typeof path === 'string' && resolve(path) === folder.dir) open.set(fd, { folder });
    if (found !== undefined) {
      const file = isNew ? found.disk.created(found.path) : found.disk.fileAt(found.path);
      if (file !== undefined) open.set(fd, { file });
      if (!isNew && /w/.test(String(flags))) file?.change({ truncateTo: 0 });
    }
    return fd;
  },
  closeSync(fd) {
    open.delete(fd);
    real.closeSync(fd);
  },
  close(fd, callback) {
    open.delete(fd);
    real.close(fd, callback);
  },
  writeSync(fd, bytes, offset, length, position) {
    const written = real.writeSync(fd, bytes, offset, length, position);
    open.get(fd)?.file?.change({ at: position, bytes: Buffer.from(Buffer.from(bytes).subarray(offset, offset + written)) });
    return written;
  },
  ftruncateSync(fd, length) {
    real.ftruncateSync(fd, length);
    open.get(fd)?.file?.change({ truncateTo: length });
  },
  fsyncSync(fd) {
    real.fsyncSync(fd);
    syncedBy(fd)?.();
  },
  fdatasyncSync(fd) {
    real.fdatasyncSync(fd);
    syncedBy(fd)?.();
  },
  fdatasync(fd, callback) {
    const done = syncedBy(fd);
    real.fdatasync(fd, (error) => {
      if (error === null) done?.();
      callback(error);
    });
  },
  writeFileSync(path, data, options) {
    const found = diskOf(path);
    const isNew = found !== undefined && !real.existsSync(found.path);
    const watched = [...layer];
    // Inside, Node goes through the functions that are replaced here.
    layer.clear();
    try {
      real.writeFileSync(path, data, options);
    } finally {
      for (const disk of watched) layer.add(disk);
    }
    if (found === undefined) return;
    const file = isNew ? found.disk.created(found.path) : found.disk.fileAt(found.path);
    file?.change({ truncateTo: 0 });
    file?.change({ at: 0, bytes: Buffer.from(data) });
  },
  renameSync(from, to) {
    real.renameSync(from, to);
    diskOf(from)?.disk.renamed(resolve(from), resolve(to));
  },
  unlinkSync(path) {
    const found = diskOf(path);
    real.unlinkSync(path);
    found?.disk.removed(found.path);
  },
};

Object.assign(fs, inPlace);
syncBuiltinESMExports();
