import { silentLogger } from '../../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../../src/storage/ledger/sqlite-ledger.ts';
import { newQuote, settlement } from './quotes.ts';

// Quotes and settles, many at once, until it is killed; says what was answered.
const [path = '', from = '0'] = process.argv.slice(2);
const { ledger } = await openSqliteLedger({ path, logger: silentLogger });
async function buy(name: string): Promise<void> {
  await ledger.createQuote(newQuote(name));
  process.stdout.write(`quoted ${name}\n`);
  await ledger.applySettlement(settlement(name, name));
  process.stdout.write(`settled ${name}\n`);
}
for (let i = Number(from); ; i += 8) await Promise.all(Array.from({ length: 8 }, (_, k) => buy(`q${i + k}`)));
