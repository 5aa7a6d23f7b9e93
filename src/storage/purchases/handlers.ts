import type { Purchases } from '../../core/ports/purchases.ts';
import type { PurchaseDatabase } from './commands/rows.ts';

/** The store's commands: the port's methods, with the database before the arguments. */
export interface PurchaseHandlers {
  readonly purchases: {
    readonly [Name in keyof Purchases]: Purchases[Name] extends (...args: infer Args) => infer Result
      ? (db: PurchaseDatabase, ...args: Args) => Result
      : never;
  };
}
