import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { LedgerError } from '../../core/ports/ledger.ts';
import { PURCHASE_BOOK } from '../purchases/book.ts';
import { type Book, LEDGER_BOOK, versionOf } from './book.ts';
import { type Command, GroupCommit } from './group-commit.ts';
import type { BookName, OpenRequest, Request, Response } from './messages.ts';
import { openDatabase } from './open-database.ts';
import { toLedgerError } from './sqlite-errors.ts';

/** Commands in one transaction at most: a bound on how long the first of them waits for the last. */
const LARGEST_GROUP = 512;

/** Opens a database, then takes every command that is waiting, commits them together, answers all, until it is to be closed. */
function serve(port: MessagePort, path: string, book: Book): void {
  const say = (response: Response): void => port.postMessage(response);
  let opened: ReturnType<typeof openDatabase>;
  try {
    opened = openDatabase(path, book);
  } catch (error) {
    const { code, message } = toLedgerError(error, path);
    say({ kind: 'refused', failure: { code, message } });
    return;
  }
  const { database, file, foundVersion } = opened;
  const groups = new GroupCommit(database, path, book);
  const waiting: Request[] = [];
  const copying = new Set<Promise<void>>();
  let working = false;

  const takeWaiting = (): void => {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      waiting.push(next.message as Request);
    }
  };

  const nextGroup = (): Command[] => {
    const group: Command[] = [];
    while (group.length < LARGEST_GROUP && waiting[0]?.kind === 'command') group.push(waiting.shift() as Command);
    return group;
  };

  const work = async (): Promise<void> => {
    for (takeWaiting(); waiting.length > 0; takeWaiting()) {
      const group = nextGroup();
      if (group.length > 0) {
        say({ kind: 'answers', answers: await groups.run(group) });
        file?.checkpointIfDue();
        continue;
      }
      const next = waiting.shift();
      if (next?.kind === 'copy') {
        const copied = copy(next).finally(() => copying.delete(copied));
        copying.add(copied);
        continue;
      }
      await Promise.all(copying);
      if (file === undefined) database.close();
      else file[Symbol.dispose]();
      say({ kind: 'closed' });
      return;
    }
  };

  const copy = async ({ id, target, overwrite }: Extract<Request, { kind: 'copy' }>): Promise<void> => {
    try {
      if (file === undefined) throw new LedgerError('IO', 'a ledger in memory has no file to be copied');
      const value = await file.copyTo(target, overwrite);
      say({ kind: 'answers', answers: [{ id, value }] });
    } catch (error) {
      const { code, message } = toLedgerError(error, path);
      say({ kind: 'answers', answers: [{ id, failure: { code, message } }] });
    }
  };

  port.on('message', (request: Request) => {
    waiting.push(request);
    if (working) return;
    working = true;
    void work().finally(() => {
      working = false;
    });
  });
  say({ kind: 'opened', foundVersion, version: versionOf(book) });
}

const BOOKS: Readonly<Record<BookName, Book>> = { ledger: LEDGER_BOOK, purchases: PURCHASE_BOOK };

parentPort?.on('message', ({ path, book, port }: OpenRequest) => serve(port, path, BOOKS[book]));
