import { silentLogger } from '../../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../../src/storage/ledger/sqlite-ledger.ts';

// Opens a ledger and keeps it until it is killed.
await openSqliteLedger({ path: process.argv[2] ?? '', logger: silentLogger });
process.stdout.write('open\n');
setInterval(() => {}, 1 << 30);
