import { mkdirSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../../core/ports/clock.ts';
import { type Journal, JournalError } from '../../core/ports/journal.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { FileLock } from '../shared/file-lock.ts';
import { bootId as bootIdOfMachine } from './boot-id.ts';
import type { FsyncPolicy } from './config.ts';
import { toJournalError } from './disk-errors.ts';
import { scanSegment, type TornTail } from './scan.ts';
import { createSegment, cutSegment, listSegments, type Segment, SegmentDamage } from './segment.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';
import { SegmentJournal } from './segment-journal.ts';
import { Segments } from './segments.ts';
import { Syncer } from './syncer.ts';

const DEFAULT_SEGMENT_BYTES = 256 * 1024 * 1024;

/** What {@link openJournal} needs. */
export interface JournalOptions {
  /** The folder, made where it is not there. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A segment that has grown to this is ended; 256 MiB unless given. */
  readonly segmentBytes?: number;
  /** When appended rows are forced to the disk; every second unless given. */
  readonly fsync?: FsyncPolicy;
  /** Segments whose rows are all older are removed, when one is begun; all are kept unless given. */
  readonly keepDays?: number;
  /** The oldest segments beyond so many bytes are removed, then too. */
  readonly keepBytes?: number;
  /** The trading day, `2026-11-20`, that a first segment is begun for; the one in UTC unless given. */
  readonly day?: string;
  /** The highest epoch that is known from elsewhere, 0 unless given: rows were numbered in it, though the journal may be gone. */
  readonly highestEpoch?: number;
  /** Names the machine's present start; for tests. */
  readonly bootId?: string | undefined;
}

/**
 * Opens a journal or begins one. Reads the last segment only: checks every record of it, cuts a torn tail, and goes on with
 * the epoch if the machine has not been started anew and no later epoch is known; otherwise begins the next epoch, on the disk before this
 * resolves, and leaves damage of the epoch before as it is.
 * @throws JournalError `LOCKED` by another process, `CORRUPT` naming file and byte (of a header, or where the epoch would go on), `FULL`, `IO`.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const dir = resolve(options.dir);
  let lock: FileLock | undefined;
  try {
    mkdirSync(dir, { recursive: true });
    lock = FileLock.take(join(dir, 'journal.lock'));
    if (lock === undefined)
      throw new JournalError('LOCKED', `the journal ${dir} is in use by another process; one journal belongs to one server`);
    return open(dir, options, lock);
  } catch (error) {
    lock?.[Symbol.dispose]();
    throw toJournalError(error, `the journal ${dir} can not be opened`);
  }
}

function open(dir: string, options: JournalOptions, lock: FileLock): Journal {
  const { clock, logger } = options;
  const bootId = 'bootId' in options ? options.bootId : bootIdOfMachine();
  const { segments: all, cutBytes: begun } = listSegments(dir);
  const latest = all.at(-1);
  const sameBoot = latest !== undefined && bootId !== undefined && latest.bootId === bootId;
  const recovered = latest === undefined ? undefined : recover(dir, logger, all, latest, sameBoot);
  const cutBytes = begun + (recovered?.cutBytes ?? 0);
  if (cutBytes > 0) logger.warn({ dir, cutBytes }, 'the journal had a torn tail, which was cut off');

  // What a killed process wrote last is whole or the beginning of a record that nobody was sent. Anything else may have been
  // sent, so its numbers must not come again.
  const { highestEpoch = 0 } = options;
  // A journal that was deleted, or put back from a copy, must not begin again with numbers that were used since.
  const isLatest = latest !== undefined && latest.epoch >= highestEpoch;
  const continued = sameBoot && isLatest && recovered?.torn?.kind !== 'bad';
  if (latest !== undefined && recovered !== undefined && continued) {
    const fd = openSync(latest.path, 'r+');
    return journalOf(dir, options, { lock, segments: recovered.segments, fd, epoch: latest.epoch, bootId, cutBytes, continued });
  }
  const epoch = Math.max(latest?.epoch ?? 0, highestEpoch) + 1;
  const header = { epoch, createdAt: clock.now(), bootId: bootId ?? '' };
  const { segment, fd } = createSegment(
    dir,
    (latest?.number ?? 0) + 1,
    options.day ?? new Date(clock.now()).toISOString().slice(0, 10),
    header,
  );
  if (latest !== undefined) logger.info({ dir, epoch }, 'the journal begins a new epoch');
  const segments = new Segments(dir, logger, all, [segment]);
  segments.useIndex(segments.emptyIndex(segment));
  return journalOf(dir, options, { lock, segments, fd, epoch, bootId, cutBytes, continued });
}

interface Recovered {
  readonly segments: Segments;
  readonly torn: TornTail | undefined;
  readonly cutBytes: number;
}

/**
 * What is to be gone on with. Where the machine was started anew nothing is: a power cut may have left any part of what was not
 * synced, so damage is told and left as it is, and what was synced stays readable around it.
 */
function recover(dir: string, logger: Logger, all: readonly Segment[], latest: Segment, sameBoot: boolean): Recovered | undefined {
  try {
    return recoverLatest(dir, logger, all, latest);
  } catch (error) {
    if (sameBoot || !(error instanceof SegmentDamage)) throw error;
    logger.error({ err: error, dir }, 'the journal was damaged before the machine was started anew; it goes on in a new epoch, after it');
    return undefined;
  }
}

function recoverLatest(dir: string, logger: Logger, all: readonly Segment[], latest: Segment): Recovered {
  const past = all.filter((segment) => segment.epoch < latest.epoch);
  const segments = new Segments(
    dir,
    logger,
    past,
    all.filter((segment) => segment.epoch === latest.epoch),
  );
  const index = segments.emptyIndex(latest);
  const torn = scanSegment(latest, index);
  const cutBytes = torn === undefined ? 0 : latest.end - torn.at;
  if (torn !== undefined) {
    latest.end = torn.at;
    cutSegment(latest);
  }
  segments.useIndex(index);
  return { segments, torn, cutBytes };
}

function journalOf(
  dir: string,
  options: JournalOptions,
  found: {
    readonly lock: FileLock;
    readonly segments: Segments;
    readonly fd: number;
    readonly epoch: number;
    readonly bootId: string | undefined;
    readonly cutBytes: number;
    readonly continued: boolean;
  },
): Journal {
  const { clock, logger } = options;
  const syncer = new Syncer({
    fd: found.fd,
    policy: options.fsync ?? 'interval',
    clock,
    onFailure: (error) => journal.refuse(error),
  });
  const journal: SegmentJournal = new SegmentJournal({
    dir,
    clock,
    logger,
    segments: found.segments,
    fd: found.fd,
    syncer,
    lock: found.lock,
    epoch: found.epoch,
    bootId: found.bootId ?? '',
    recovery: { cutBytes: found.cutBytes, continued: found.continued },
    segmentBytes: Math.max(options.segmentBytes ?? DEFAULT_SEGMENT_BYTES, SEGMENT_HEADER_BYTES + 1),
    retention: { keepDays: options.keepDays, keepBytes: options.keepBytes },
  });
  return journal;
}
