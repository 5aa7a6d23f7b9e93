import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openSimulatedNetwork } from '../../../src/app/simulated-network.ts';
import { systemRandom } from '../../../src/app/system.ts';
import { type Ledger, LedgerError } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { Catalog } from '../../../src/core/tickerplant/catalog.ts';
import { DEFAULT_LIMITS } from '../../../src/core/tickerplant/limits.ts';
import { priced } from '../../../src/core/tickerplant/pricing.ts';
import { QuoteDesk } from '../../../src/core/tickerplant/quote-desk.ts';
import { SellerNode } from '../../../src/core/tickerplant/seller-node.ts';
import { l402Credentials } from '../../../src/credentials/l402.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { TRADE } from '../../contract/tickerplant-flow/server.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('while the ledger can not be written, quotes that are overdue are tried at intervals, not without a pause', async () => {
  await using network = await openSimulatedNetwork();
  const backend = await network.backend('seller');
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-desk-'));
  const store = await openSqliteLedger({ path: path.join(dir, 'ledger.db'), logger: silentLogger });
  let [isFull, tries] = [false, 0];
  const ledger: Ledger = new Proxy(store.ledger, {
    get(real, name: keyof Ledger) {
      if (name !== 'expireQuotes') return real[name].bind(real);
      return async (...request: Parameters<Ledger['expireQuotes']>) => {
        tries += 1;
        if (isFull) throw new LedgerError('FULL', 'the disk is full');
        return await real.expireQuotes(...request);
      };
    },
  });
  const expired: string[] = [];
  const clock = new ManualClock(Date.now());
  const desk = new QuoteDesk({
    catalog: new Catalog([TRADE]),
    node: new SellerNode(backend, ledger, silentLogger),
    backend,
    ledger,
    credentials: l402Credentials,
    clock,
    random: systemRandom,
    logger: silentLogger,
    expirySeconds: 10,
    dayEnds: () => clock.now() + 1,
    limits: DEFAULT_LIMITS,
    isCaughtUp: () => false,
    onExpired: (quote) => expired.push(quote.id),
  });
  try {
    const credential = { id: 'a', tokenId: '01'.repeat(32), rootKey: '02'.repeat(32) };
    const items = priced([{ table: 'trade', syms: ['AAPL'] }], () => TRADE, undefined);
    const { record } = await desk.quote({ items, reason: 'asked', credential, grants: undefined, key: undefined });
    isFull = true;
    clock.advance(10_000);
    const settled = () => new Promise((resolve) => setTimeout(resolve, 1));
    for (let turn = 0; turn < 100; turn += 1) {
      await settled();
      clock.advance(10);
    }
    expect(tries).toBeGreaterThan(0);
    expect(tries).toBeLessThan(4);
    isFull = false;
    const isExpired = async () => {
      clock.advance(1_000);
      await settled();
      return expired;
    };
    await expect.poll(isExpired).toEqual([record.id]);
  } finally {
    desk.stop();
    await store[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }
});
