import assert from 'node:assert/strict';
import type { Ledger } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import type { Program, Programs } from './world.ts';

const SYMBOLS = ['AAPL', 'GOOGL'];

/** A row as a buyer wrote it. */
export interface PrintedRow {
  readonly sym: string;
  readonly epoch: number;
  readonly seq: number;
}

/** All that a buyer wrote, over all its starts. A line that is not whole yet is left out. */
export function rowsOf(buyer: Program): readonly PrintedRow[] {
  const lines = buyer.output().split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as PrintedRow);
}

/** Stops the server and looks into what it sold: one grant for each buyer, and from its first number on each row written once. */
export async function soldOnce({ server, ledger }: Pick<Programs, 'server' | 'ledger'>, buyers: readonly Program[]): Promise<void> {
  await server.end('SIGTERM');
  await using sold = await openSqliteLedger({ path: ledger, logger: silentLogger });
  for (const buyer of buyers) await assertOnce(sold.ledger, buyer);
}

async function assertOnce(ledger: Ledger, buyer: Program): Promise<void> {
  const subscription = /"subscription":"([0-9a-f]+)"/.exec(buyer.output('err'))?.[1] ?? '';
  const grants = (await ledger.subscription(subscription))?.grants ?? [];
  assert.equal(grants.length, 1, `grants of ${subscription}`);
  const rows = rowsOf(buyer);
  assert.deepEqual([...new Set(rows.map((row) => row.epoch))], [1], 'the epoch goes on after a killed process');
  for (const sym of SYMBOLS) {
    const numbers = rows.filter((row) => row.sym === sym).map((row) => row.seq);
    const first = grants[0]?.next[sym] ?? 0;
    assert.deepEqual(
      numbers,
      numbers.map((_number, at) => first + at),
      sym,
    );
    assert.notEqual(numbers.length, 0, `rows of ${sym}`);
  }
}
