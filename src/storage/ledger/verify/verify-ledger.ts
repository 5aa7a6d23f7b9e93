import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LedgerError } from '../../../core/ports/ledger.ts';
import { FileLock } from '../../shared/file-lock.ts';
import { APPLICATION_ID, LEDGER_BOOK } from '../book.ts';
import { LedgerImage } from '../file/ledger-image.ts';
import { SCHEMA_VERSION } from '../migrations/all.ts';
import { migrate } from '../migrations/migrate.ts';
import { lockPath } from '../open-database.ts';
import { toLedgerError } from '../sqlite-errors.ts';
import { findViolations } from './invariants.ts';
import type { LedgerReport, LedgerViolation } from './report.ts';

/**
 * Checks a ledger that nobody has open, and changes nothing: every page against its checksum, the write-ahead log, the structure
 * of the database, its references, and that what it says of money holds together.
 * @throws LedgerError `LOCKED` while a process has it open, `NEWER`, `IO` where it can't be read.
 */
export function verifyLedger(path: string): LedgerReport {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new LedgerError('IO', `there is no ledger ${path}`);
  // Whoever has it open has made the lock's file; without one there is nobody to be kept out, and none is left behind.
  if (!existsSync(lockPath(path))) return verify(path);
  const lock = FileLock.take(lockPath(path));
  if (lock === undefined) throw new LedgerError('LOCKED', `the ledger ${path} is in use by another process`);
  try {
    return verify(path);
  } finally {
    lock[Symbol.dispose]();
  }
}

function verify(path: string): LedgerReport {
  let image: LedgerImage;
  try {
    image = new LedgerImage(path);
  } catch (error) {
    throw toLedgerError(error, path);
  }
  try {
    const violations = [...inBytes(image)];
    const notes = [...notesOn(image)];
    const inside = withCopy(image, (copy) => inDatabase(copy, violations));
    if (inside?.version !== undefined && inside.version > SCHEMA_VERSION && violations.length === 0) {
      throw new LedgerError('NEWER', `the ledger ${path} was made by a newer version of this program (schema ${inside.version})`);
    }
    return {
      path,
      clean: violations.length === 0,
      violations,
      notes,
      bytes: image.size,
      pages: image.pageCount,
      sealed: image.seal.kind === 'sealed',
      version: inside?.version,
      rows: inside?.rows ?? {},
    };
  } finally {
    image[Symbol.dispose]();
  }
}

function* inBytes(image: LedgerImage): Generator<LedgerViolation> {
  if (image.seal.kind === 'damaged') yield { check: 'page', of: 'the seal', message: image.seal.reason };
  for (const { page, at, inWal } of image.damagedPages()) {
    const repair = inWal ? '; the write-ahead log has it whole, and starting the server once puts it right' : '';
    yield { check: 'page', of: `page ${page}`, message: `the page at byte ${at} is not what was written${repair}` };
  }
  if (image.wal.tail === 'damaged') {
    const { commits, commitsLost } = image.wal;
    const lost = commitsLost === 0 ? '' : `; ${commitsLost} whole commits come after the damage`;
    yield { check: 'write-ahead-log', of: `${image.path}-wal`, message: `it is damaged after ${commits} commits${lost}` };
  }
  if (image.pageBytes === undefined) yield { check: 'structure', of: image.path, message: 'it is not a SQLite database' };
}

function* notesOn(image: LedgerImage): Generator<string> {
  const { commits, tail } = image.wal;
  if (commits > 0) yield `it was not closed in order: ${commits} commits are in the write-ahead log, and count`;
  if (tail === 'unfinished') yield 'the last commit was interrupted: nobody was told that it took effect';
  if (image.seal.kind === 'none')
    yield 'it has no seal yet (a ledger of an earlier version, or a process killed while it wrote one): its pages can not be compared with what was written';
}

interface Inside {
  readonly version: number;
  readonly rows: Readonly<Record<string, number>>;
}

function inDatabase(copy: string, violations: LedgerViolation[]): Inside | undefined {
  const database = new DatabaseSync(copy);
  try {
    if (Number(value(database, 'PRAGMA application_id')) !== APPLICATION_ID)
      violations.push({ check: 'structure', of: 'application id', message: 'it is a SQLite database, but not a ledger of this program' });
    for (const { integrity_check: found } of database.prepare('PRAGMA integrity_check').all()) {
      if (found !== 'ok') violations.push({ check: 'structure', of: 'database', message: String(found) });
    }
    for (const { table, rowid, parent } of database.prepare('PRAGMA foreign_key_check').all()) {
      violations.push({
        check: 'reference',
        of: `${table} ${rowid ?? ''}`.trim(),
        message: `it refers to something that is not in ${parent}`,
      });
    }
    const version = Number(value(database, 'PRAGMA user_version'));
    if (version > SCHEMA_VERSION) return { version, rows: {} };
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name").all();
    const rows = tables.map(({ name }) => [String(name), Number(value(database, `SELECT count(*) FROM "${name}"`))] as const);
    // One of an earlier version is checked as it will be when it is opened; it is the copy that is brought forward.
    if (version < SCHEMA_VERSION && violations.length === 0) migrate(database, copy, LEDGER_BOOK);
    if (version === SCHEMA_VERSION || violations.length === 0) violations.push(...findViolations(database));
    return { version, rows: Object.fromEntries(rows) };
  } catch (error) {
    violations.push({ check: 'structure', of: 'database', message: error instanceof Error ? error.message : String(error) });
    return undefined;
  } finally {
    database.close();
  }
}

/**
 * The committed pages as a database of their own, which SQLite reads without touching the ledger or its log. Beside the ledger,
 * whose folder is as private as it; elsewhere where that can't be written to.
 */
function withCopy<T>(image: LedgerImage, work: (path: string) => T): T | undefined {
  if (image.pageBytes === undefined) return undefined;
  const dir = privateFolder(dirname(image.path));
  try {
    const path = join(dir, 'ledger.db');
    const fd = openSync(path, 'wx', 0o600);
    try {
      image.forEach((page, bytes) => {
        // Bytes 18 and 19 say that there is a write-ahead log; the copy has none.
        if (page === 1) bytes.fill(1, 18, 20);
        writeSync(fd, bytes);
      });
    } finally {
      closeSync(fd);
    }
    return work(path);
  } catch (error) {
    throw toLedgerError(error, dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function privateFolder(beside: string): string {
  try {
    return mkdtempSync(join(beside, '.verify-'));
  } catch {
    return mkdtempSync(join(tmpdir(), 'tickerplant-verify-'));
  }
}

function value(database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0];
}
