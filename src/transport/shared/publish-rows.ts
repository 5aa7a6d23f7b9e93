import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { Row } from '../../core/tickerplant/schema.ts';
import type { TickerplantService } from '../../core/tickerplant/service.ts';
import type { Operator } from './access/operators.ts';

/**
 * Publishes rows for somebody, all or none of them. A row is its values in column order, or an object by column names; without its time it gets the
 * time of now. @throws TickerplantError `FORBIDDEN` where they may not, and whatever publishing throws.
 */
export function publishRows(
  tickerplant: TickerplantService,
  operator: Operator | undefined,
  table: string,
  rows: readonly unknown[],
): number {
  if (operator === undefined) throw new TickerplantError('FORBIDDEN', 'publishing needs the token of a publisher');
  operator.assertMayPublish(table);
  // What comes here is of any form: publishing looks at every value.
  tickerplant.publish(table, rows as readonly Row[]);
  return rows.length;
}
