import { type AnyCall, patchLedger } from './patch-ledger.ts';

patchLedger(async (call: AnyCall, command) => {
  const dropped = Number.parseInt(command.settlement.paymentHash.slice(0, 2), 16) % 4 === 0;
  if (!dropped) return await call('ledger', 'applySettlement', command);
  await call('ledger', 'saveCursor', command.node, command.cursor, command.source);
  return { kind: 'foreign' };
});
