import type { Kysely } from 'kysely';
import type { Ledger } from '../../../core/ports/ledger.ts';
import type { PaymentIntents } from '../../../core/ports/payment-intents.ts';
import type { SettlementLog } from '../../../core/ports/settlement-log.ts';
import type { LedgerTables } from '../tables.ts';

/** What a command works on: a connection inside a transaction that its caller commits or rolls back. */
export type LedgerDatabase = Kysely<LedgerTables>;

/** A port's methods as commands: the same, with the database before the arguments. Each is deterministic and reads no clock. */
export type HandlersOf<Port> = {
  readonly [Name in Exclude<keyof Port, symbol>]: Port[Name] extends (...args: infer Args) => infer Result
    ? (db: LedgerDatabase, ...args: Args) => Result
    : never;
};

/** Every command there is, by port. */
export interface LedgerHandlers {
  readonly ledger: HandlersOf<Ledger>;
  readonly intents: HandlersOf<PaymentIntents>;
  readonly settlementLog: HandlersOf<SettlementLog>;
}
