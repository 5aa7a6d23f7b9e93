import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { LedgerViolation } from './report.ts';

/** Checks outgoing payments: what is settled has the preimage that proves it, and a keysend's is the one of its hash. */
export function findIntentViolations(database: DatabaseSync): LedgerViolation[] {
  const violations: LedgerViolation[] = [];
  const statement = database.prepare('SELECT payment_hash, keysend_preimage, status, outcome FROM payment_intents');
  for (const { payment_hash: hash, keysend_preimage: keysend, status, outcome } of statement.iterate()) {
    const report = (message: string): void => {
      violations.push({ check: 'payment-intent', of: String(hash), message });
    };
    if (keysend !== null && hashOf(keysend) !== hash) report('its own preimage is not of its payment hash');
    if (outcome === null) continue;
    const told = parse(outcome);
    if (told === undefined) report('its outcome can not be read');
    else if (told['status'] !== status || told['paymentHash'] !== hash) report('its outcome is of another payment or state');
    else if (status === 'settled' && hashOf(told['preimage']) !== hash) report('it is settled, but without the preimage that proves it');
  }
  return violations;
}

function hashOf(preimage: unknown): string | undefined {
  if (typeof preimage !== 'string' || !/^[0-9a-f]{64}$/.test(preimage)) return undefined;
  return createHash('sha256').update(Buffer.from(preimage, 'hex')).digest('hex');
}

function parse(text: unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(String(text));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
