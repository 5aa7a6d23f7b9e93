import { setTimeout as sleep } from 'node:timers/promises';
import { type AnyCall, patchLedger } from './patch-ledger.ts';

/** Long enough for a kill to fall into. */
const BETWEEN_MS = 1_500;

patchLedger(async (call: AnyCall, command) => {
  await call('ledger', 'saveCursor', command.node, command.cursor, command.source);
  await sleep(BETWEEN_MS);
  return await call('ledger', 'applySettlement', command);
});
