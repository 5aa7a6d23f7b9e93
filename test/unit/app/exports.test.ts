import { expect, test } from 'vitest';
import * as entry from '../../../src/index.ts';

/** The package's interface: a name that goes breaks somebody's program, a name that comes must be kept. */
test('the names that the package exports', () => {
  expect(Object.keys(entry).sort()).toMatchInlineSnapshot(`
    [
      "ConfigError",
      "FeedError",
      "JournalError",
      "LedgerError",
      "LightningError",
      "ListenError",
      "MAX_MSAT",
      "MSAT_PER_SAT",
      "Positions",
      "StoreError",
      "SubscriberError",
      "TickerplantError",
      "classifySettlement",
      "computed",
      "createStore",
      "createTickerplant",
      "file",
      "folder",
      "hashOfPreimage",
      "idempotentPayments",
      "isLightningError",
      "memoryState",
      "msat",
      "nodeId",
      "openSimulatedNetwork",
      "openStateDirectory",
      "openSubscriber",
      "openWallet",
      "outpoint",
      "parseMsat",
      "paymentHash",
      "positionAfter",
      "preimage",
      "rows",
      "sat",
      "shortChannelId",
      "silentLogger",
      "sumMsat",
      "systemClock",
      "systemRandom",
      "toSatCeil",
      "toSatExact",
      "toSatFloor",
      "txId",
    ]
  `);
});
