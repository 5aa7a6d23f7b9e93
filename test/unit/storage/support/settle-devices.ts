import { msat } from '../../../../src/core/lightning/amount.ts';
import { silentLogger } from '../../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../../src/storage/ledger/sqlite-ledger.ts';
import { hash, NODE, settlement } from './quotes.ts';

// Makes and settles a device's invoices until it is killed; says the id of each settlement when it is durable.
const { ledger } = await openSqliteLedger({ path: process.argv[2] ?? '', logger: silentLogger });
await ledger.addDevice({ id: 'd', name: 'd', rootKey: '07'.repeat(32), createdAt: 1 });
for (let i = 0; ; i += 1) {
  const name = `i${i}`;
  const common = { id: name, paymentHash: hash(name), paymentRequest: `lnbcrt of ${name}` };
  await ledger.createDeviceInvoice({
    ...common,
    device: 'd',
    node: NODE,
    key: undefined,
    request: undefined,
    item: 'water',
    amountMsat: msat(5_000),
    createdAt: 1000,
    expiresAt: 5000,
    perHour: undefined,
  });
  const effect = await ledger.applySettlement(settlement(name, String(i), { received: msat(5_000) }));
  if (effect.kind === 'device') process.stdout.write(`settled ${effect.settlement.id}\n`);
}
