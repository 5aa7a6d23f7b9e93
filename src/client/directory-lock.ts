import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SubscriberError } from './errors.ts';

/**
 * Takes a directory for this process until it is disposed of or the process ends, however it ends. Node has no file locks of
 * its own; an open SQLite transaction holds the operating system's, which a killed process lets go by itself.
 * @throws SubscriberError `STATE_LOCKED`.
 */
export function lockDirectory(directory: string): Disposable {
  const path = join(directory, 'lock');
  closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new SubscriberError('STATE_LOCKED', `${directory} is in use by another process: one subscriber per state directory`, { cause });
  }
  return { [Symbol.dispose]: () => database.close() };
}
