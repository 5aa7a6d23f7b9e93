import { type Account, newAccount, type SubscriptionRequest } from './account.ts';
import type { Position } from './events.ts';
import { Positions } from './positions.ts';

/**
 * What a subscriber remembers. {@link openStateDirectory} keeps it through a crash; {@link memoryState} does not.
 * Disposing of it writes nothing: whatever was saved is saved already.
 */
export interface SubscriberState extends AsyncDisposable {
  /** The account of a request: the stored one, or a new one that is not stored yet. @throws SubscriberError `STATE_MISMATCH`. */
  account(request: SubscriptionRequest): Account;
  /** Stores the account; durable, against a loss of power too, when it resolves. @throws SubscriberError `STATE_IO`. */
  save(account: Account): Promise<void>;
  /** Where the reader is: what was committed last. A copy. */
  positions(): Positions;
  /** Stores where the reader is; holds through the end of the process when it returns. @throws SubscriberError `STATE_IO`. */
  commit(positions: Iterable<Position>): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A state that lasts as long as the process: a crash after paying then loses the token that was paid for. */
export function memoryState(): SubscriberState {
  const positions = new Positions();
  let stored: Account | undefined;
  return {
    account: (request) => stored ?? newAccount(request),
    save: async (account) => {
      stored = account;
    },
    positions: () => new Positions(positions),
    commit: (moved) => {
      for (const position of moved) positions.apply(position);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
