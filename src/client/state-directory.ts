import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../core/ports/clock.ts';
import { type Account, isBlank, newAccount, type SubscriptionRequest, sameRequest } from './account.ts';
import { readAccount, writeAccount } from './account-file.ts';
import { lockDirectory } from './directory-lock.ts';
import { SubscriberError } from './errors.ts';
import type { Position } from './events.ts';
import { type RecoveredOutput, recoverOutput } from './output-recovery.ts';
import { PositionLog, type PositionRecord } from './position-log.ts';
import { Positions } from './positions.ts';
import { type RowOutput, recordedOutput } from './row-output.ts';
import type { SubscriberState } from './state.ts';

/** A state that lasts, with an output that goes with it. */
export interface StateDirectory extends SubscriberState {
  /** What was found of a batch of output that an earlier process could not finish; undefined where there was none. */
  readonly recovered: RecoveredOutput | undefined;
  /** Rows to a file descriptor, each written once; see {@link RowOutput}. */
  output(fd: number, clock: Clock): RowOutput;
}

/** How to open one. */
export interface OpenStateDirectory {
  /** Made with mode 0700 where it is not there. Files are 0600: the token is among them. */
  readonly directory: string;
  /** This run's output, where there is one: an unfinished batch of an earlier run may have to be finished in it. */
  readonly outputFd?: number;
}

/**
 * Opens a subscriber's state directory and settles what a killed process left undone. One process at a time.
 * @throws SubscriberError `STATE_LOCKED`, `STATE_CORRUPT`, `STATE_IO`.
 */
export function openStateDirectory(options: OpenStateDirectory): StateDirectory {
  const { directory } = options;
  storing(directory, () => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  const lock = storing(directory, () => lockDirectory(directory));
  try {
    const path = join(directory, 'subscription.json');
    let stored = readStored(path);
    const log = PositionLog.open(join(directory, 'positions'));
    const recovered = log.unfinished === undefined ? undefined : settle(log, log.unfinished, options.outputFd);
    const positions = positionsOf(log.current);
    return {
      recovered,
      account(request) {
        if (stored === undefined || sameRequest(stored.request, request)) return stored ?? newAccount(request);
        // A first try with a misspelt symbol is to be corrected in the same directory.
        if (isBlank(stored)) return newAccount(request);
        throw otherRequest(directory, stored.request);
      },
      async save(account) {
        storing(path, () => replaceFile(directory, path, writeAccount(account)));
        stored = account;
      },
      positions: () => new Positions(positions),
      commit(moved) {
        const after = new Positions(positions);
        for (const position of moved) after.apply(position);
        log.record({ positions: after.after(), headed: log.current.headed });
        for (const position of after) positions.apply(position);
      },
      output: (fd, clock) => recordedOutput(fd, clock, log, positions),
      async [Symbol.asyncDispose]() {
        log.close();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function settle(log: PositionLog, unfinished: PositionRecord, fd: number | undefined): RecoveredOutput {
  const { place = {}, bytes = new Uint8Array() } = unfinished;
  const found = storing(place.file?.path ?? 'output', () => recoverOutput(place, bytes, fd));
  log.resolve(found === 'written' || found === 'finished');
  return found;
}

function positionsOf(record: PositionRecord): Positions {
  const positions: Position[] = [];
  for (const [table, { epoch, seqs }] of Object.entries(record.positions)) {
    for (const [sym, seq] of Object.entries(seqs)) positions.push({ table, epoch, sym, seq });
  }
  return new Positions(positions);
}

function readStored(path: string): Account | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SubscriberError('STATE_IO', `${path} can't be read`, { cause });
  }
  try {
    return readAccount(text);
  } catch {
    // Neither repeated nor chained: the text holds the token. And never begun anew: that would pay a second time.
    throw new SubscriberError(
      'STATE_CORRUPT',
      `${path} is damaged or from another version; it says what was paid, so it is not begun anew`,
    );
  }
}

function otherRequest(directory: string, stored: SubscriptionRequest): SubscriberError {
  const syms = stored.syms === '*' ? 'all symbols' : stored.syms.join(' ');
  const pricing = stored.pricing === undefined ? '' : `, ${stored.pricing} pricing,`;
  return new SubscriberError(
    'STATE_MISMATCH',
    `${directory} belongs to ${stored.table} ${syms}${pricing} at ${stored.url}; take another directory for this`,
  );
}

/** Old or new, never half of it, and on the disk when it returns. */
function replaceFile(directory: string, path: string, text: string): void {
  const temporary = `${path}.new`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  const parent = openSync(directory, 'r');
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}

function storing<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof SubscriberError) throw cause;
    throw new SubscriberError('STATE_IO', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
