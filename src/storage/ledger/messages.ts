import type { MessagePort } from 'node:worker_threads';
import type { LedgerError } from '../../core/ports/ledger.ts';
import type { PurchaseHandlers } from '../purchases/handlers.ts';
import type { LedgerHandlers } from './commands/handlers.ts';

/** What is kept in a database: the ledger's tables, or those of a store of single items. */
export type BookName = 'ledger' | 'purchases';

type Handlers = LedgerHandlers & PurchaseHandlers;

/** A port whose commands the ledger's thread takes. */
export type PortName = keyof Handlers;
/** A command of a port. */
export type CommandName<P extends PortName> = keyof Handlers[P] & string;
/** What a command is given. */
export type CommandArgs<P extends PortName, C extends CommandName<P>> = Handlers[P][C] extends (db: never, ...args: infer Args) => unknown
  ? Args
  : never;
/** What it answers. */
export type CommandResult<P extends PortName, C extends CommandName<P>> = Handlers[P][C] extends (...args: never) => Promise<infer Result>
  ? Result
  : never;

/** To a thread that has no database open: the next one, and the port that its requests and responses go through. */
export interface OpenRequest {
  /** The file; `:memory:` for none. */
  readonly path: string;
  readonly book: BookName;
  readonly port: MessagePort;
}

/** To the database: one whole command, a copy to be made, or the request to end. */
export type Request =
  | { readonly kind: 'command'; readonly id: number; readonly port: PortName; readonly command: string; readonly args: readonly unknown[] }
  | { readonly kind: 'copy'; readonly id: number; readonly target: string; readonly overwrite: boolean }
  | { readonly kind: 'close' };

/** A {@link LedgerError} on its way between threads. */
export interface Failure {
  readonly code: LedgerError['code'];
  readonly message: string;
}

/** How one command ended. */
export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly failure: Failure });

/** From it: once whether the ledger opened, then the answers of each committed group, at last that it is closed. */
export type Response =
  | { readonly kind: 'opened'; readonly foundVersion: number; readonly version: number }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  | { readonly kind: 'closed' };
