import type { DatabaseSync } from 'node:sqlite';
import type { QuotedItem } from '../../../core/tickerplant/messages.ts';
import { parseItems } from '../items.ts';
import type { LedgerViolation } from './report.ts';
import { attempt, reporter, rowsOf } from './rows.ts';

/** Checks that every quote asks for what its items cost, and that they cost what their terms say. */
export function findPriceViolations(database: DatabaseSync): LedgerViolation[] {
  const violations: LedgerViolation[] = [];
  for (const { id, items: text, amount_msat: amount, credit_msat: credit } of rowsOf(
    database,
    'SELECT id, items, amount_msat, credit_msat FROM quotes',
  )) {
    const report = reporter(violations, 'price', id);
    const items = attempt(() => parseItems(String(text)));
    if (items === undefined) {
      report('what the quote is for can not be read');
      continue;
    }
    const sum = items.reduce((total, { amountMsat }) => total + amountMsat, 0n);
    if (sum !== (amount as bigint) + (credit as bigint))
      report(`its items cost ${sum} msat, and it asks for ${String(amount)} and ${String(credit)} of credit`);
    for (const item of items) if (!fits(item)) report(`${item.table} costs ${item.amountMsat} msat, which its terms do not say`);
  }
  return violations;
}

/** In whole msat a symbol: quotes of a version-1 ledger for several tables have shares that are not exact. */
function fits({ syms, terms, amountMsat }: QuotedItem): boolean {
  const each = terms.kind === 'tick' ? terms.prepayMsat : terms.msat;
  return syms.length > 0 && amountMsat / BigInt(syms.length) === each;
}
