import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { LedgerError } from '../../core/ports/ledger.ts';
import { type Book, LEDGER_BOOK } from './book.ts';
import type { LedgerDatabase } from './commands/handlers.ts';
import { NodeSqliteDialect } from './dialect/node-sqlite-dialect.ts';
import type { Answer, Request } from './messages.ts';
import { toLedgerError } from './sqlite-errors.ts';
import type { LedgerTables } from './tables.ts';

/** A command waiting to be run. */
export type Command = Extract<Request, { kind: 'command' }>;

type AnyHandler = (db: LedgerDatabase, ...args: readonly unknown[]) => Promise<unknown>;

/**
 * Runs commands in groups: one transaction, one sync of the disk, a savepoint for each. A command that fails takes back only
 * itself; where the transaction as a whole fails, every command of the group does, and none has taken effect.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #db: LedgerDatabase;
  readonly #path: string;
  readonly #handlers: Book['handlers'];
  #broken: LedgerError | undefined;

  constructor(database: DatabaseSync, path: string, { handlers }: Book = LEDGER_BOOK) {
    this.#handlers = handlers;
    this.#database = database;
    this.#db = new Kysely<LedgerTables>({ dialect: new NodeSqliteDialect(database) });
    this.#path = path;
  }

  /** The answers, in the commands' order; what succeeded is on the disk. */
  async run(commands: readonly Command[]): Promise<Answer[]> {
    if (this.#broken !== undefined) return failAll(commands, this.#broken);
    try {
      this.#database.exec('BEGIN');
      const answers: Answer[] = [];
      for (const command of commands) answers.push(await this.#attempt(command));
      this.#commit();
      return answers;
    } catch (error) {
      this.#rollBack();
      return failAll(commands, toLedgerError(error, this.#path));
    }
  }

  async #attempt(command: Command): Promise<Answer> {
    this.#database.exec('SAVEPOINT command');
    try {
      const value = await this.#handlerOf(command)(this.#db, ...command.args);
      this.#database.exec('RELEASE command');
      return { id: command.id, value };
    } catch (error) {
      try {
        this.#database.exec('ROLLBACK TO command; RELEASE command');
      } catch {
        // The savepoint is gone: SQLite has rolled back the whole transaction (no space, no memory), so the group fails with this.
        throw error;
      }
      return { id: command.id, failure: failureOf(toLedgerError(error, this.#path)) };
    }
  }

  #commit(): void {
    try {
      this.#database.exec('COMMIT');
    } catch (error) {
      const failure = toLedgerError(error, this.#path);
      // After a failed sync nobody knows what is on the disk, and trying it again may say "done" of pages that were dropped.
      if (failure.code === 'IO') {
        this.#broken = new LedgerError('IO', `${failure.message}; it takes no more commands until it is opened again`, { cause: error });
      }
      throw failure;
    }
  }

  #handlerOf({ port, command }: Command): AnyHandler {
    const handler = this.#handlers[port]?.[command];
    if (handler === undefined) throw new LedgerError('IO', `the ledger knows no command ${port}.${command}`);
    return handler as unknown as AnyHandler;
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // Rolled back already.
    }
  }
}

function failureOf(error: LedgerError): { code: LedgerError['code']; message: string } {
  return { code: error.code, message: error.message };
}

function failAll(commands: readonly Command[], error: LedgerError): Answer[] {
  return commands.map(({ id }) => ({ id, failure: failureOf(error) }));
}
