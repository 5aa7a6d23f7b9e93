import { LedgerError } from '../../core/ports/ledger.ts';
import type { Revocation, SubscriptionName } from '../../core/ports/ledger-upkeep.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { l402Credentials } from '../../credentials/l402.ts';
import { openSqliteLedger } from '../../storage/ledger/sqlite-ledger.ts';
import { systemClock } from '../system.ts';
import { askServer } from './control-client.ts';

/** A revocation, and whether the running server made it. */
export interface Revoked extends Revocation {
  readonly online: boolean;
}

/** Which subscription a token is of. @throws TickerplantError `BAD_TOKEN` where it can't be read. */
export function nameOfToken(token: string): SubscriptionName {
  return { tokenId: l402Credentials.identify(token.trim()).tokenId };
}

/**
 * Revokes a subscription's token: the server does it where one runs, and ends the session that is live.
 * @throws LedgerError `CONFLICT` where there is no such subscription, `LOCKED` where a process has the ledger that takes no such request, `IO`.
 */
export async function revoke(ledger: string, name: SubscriptionName): Promise<Revoked> {
  const found = (await revokeOffline(ledger, name)) ?? (await revokeOnline(ledger, name));
  if (found.revocation === null) throw new LedgerError('CONFLICT', `the ledger ${ledger} has no such subscription`);
  return { ...found.revocation, online: found.online };
}

interface Found {
  readonly revocation: Revocation | null;
  readonly online: boolean;
}

/** Undefined where a process has the ledger. */
async function revokeOffline(path: string, name: SubscriptionName): Promise<Found | undefined> {
  try {
    const store = await openSqliteLedger({ path, logger: silentLogger });
    try {
      return { revocation: (await store.ledger.revoke(name, systemClock.now())) ?? null, online: false };
    } finally {
      await store[Symbol.asyncDispose]();
    }
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'LOCKED') return undefined;
    throw error;
  }
}

async function revokeOnline(path: string, name: SubscriptionName): Promise<Found> {
  const answer = await askServer(path, { op: 'revoke', name });
  if (answer === undefined) throw new LedgerError('LOCKED', `the ledger ${path} is in use by a process that takes no requests`);
  return { revocation: answer['revocation'] as Revocation | null, online: true };
}
