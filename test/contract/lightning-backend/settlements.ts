import assert from 'node:assert/strict';
import { msat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage } from '../../../src/core/lightning/identifiers.ts';
import type { SettlementCursor, SettlementEvent } from '../../../src/core/lightning/settlement.ts';
import { type ContractCase, contractCase, has } from '../case.ts';
import type { ContractNetwork } from '../network.ts';
import { AMPLE_FEE, eventually, follow, freshPreimage, hasSettled, invoiceOf, payNow, refused, settledIn } from '../support.ts';

async function paid({ payer, payee }: ContractNetwork, amountMsat = 12_345) {
  const invoice = await invoiceOf(payee.backend, { amountMsat: msat(amountMsat) });
  await payNow(payer.backend, invoice.paymentRequest);
  return invoice.paymentHash;
}

function lastCursor(events: readonly SettlementEvent[]): SettlementCursor {
  return events.at(-1)?.cursor ?? assert.fail('there was no event');
}

/** Learning what was paid, whatever happens in between. */
export const settlementCases: readonly ContractCase[] = [
  contractCase('settlements: a payment is yielded live with what was asked and what arrived', async (network) => {
    const { payee } = network;
    const head = await payee.backend.invoices.settlementsHead();
    const following = follow(payee.backend, head, (events) => events.some((event) => event.kind === 'settled'));
    const hash = await paid(network, 77_001);
    const [settlement] = settledIn(await following);
    assert.equal(settlement?.paymentHash, hash);
    assert.equal(settlement?.amountMsat, 77_001n);
    assert.equal(settlement?.receivedMsat, 77_001n);
    assert.ok(Math.abs((settlement?.settledAt ?? 0) - Date.now()) < 60_000);
  }),
  contractCase('settlements: what was settled while nobody followed comes first, then caught-up', async (network) => {
    const { payee } = network;
    const head = await payee.backend.invoices.settlementsHead();
    const hashes = [await paid(network), await paid(network), await paid(network)];
    const events = await follow(
      payee.backend,
      head,
      (seen) => seen.at(-1)?.kind === 'caught-up' && hashes.every((hash) => hasSettled(seen, hash)),
    );
    assert.equal(events.at(-1)?.kind, 'caught-up');
  }),
  contractCase(
    "settlements: they come in the node's order",
    async (network) => {
      const { payee } = network;
      const head = await payee.backend.invoices.settlementsHead();
      const hashes = [await paid(network), await paid(network), await paid(network)];
      const events = await follow(payee.backend, head, (seen) => hashes.every((hash) => hasSettled(seen, hash)));
      assert.deepEqual(
        settledIn(events).map((settlement) => settlement.paymentHash),
        hashes,
      );
    },
    { needs: [has('payee', 'orderedSettlements')] },
  ),
  contractCase('settlements: after a cursor comes only what is later', async (network) => {
    const { payee } = network;
    const head = await payee.backend.invoices.settlementsHead();
    const first = await paid(network);
    const cursor = lastCursor(await follow(payee.backend, head, (seen) => hasSettled(seen, first)));
    const second = await paid(network);
    const events = await follow(payee.backend, cursor, (seen) => hasSettled(seen, second));
    assert.ok(!hasSettled(events, first), 'what the cursor stands behind came again');
  }),
  contractCase('settlements: an old cursor yields the same again', async (network) => {
    const { payee } = network;
    const head = await payee.backend.invoices.settlementsHead();
    const hash = await paid(network);
    await follow(payee.backend, head, (seen) => hasSettled(seen, hash));
    await follow(payee.backend, head, (seen) => hasSettled(seen, hash));
  }),
  contractCase('settlements: without a cursor they begin with the first', async (network) => {
    const { payee } = network;
    const hash = await paid(network);
    const events = await follow(payee.backend, undefined, (seen) => hasSettled(seen, hash));
    assert.ok(settledIn(events).length > 1);
  }),
  contractCase('settlements: from the head on nothing old is yielded', async (network) => {
    const { payee } = network;
    await paid(network);
    const head = await payee.backend.invoices.settlementsHead();
    const events = await follow(payee.backend, head, (seen) => seen.at(-1)?.kind === 'caught-up');
    assert.equal(settledIn(events).length, 0);
  }),
  contractCase('settlements: two followers see the same', async (network) => {
    const { payee } = network;
    const head = await payee.backend.invoices.settlementsHead();
    await using other = await payee.open();
    const both = Promise.all([payee.backend, other].map((backend) => follow(backend, head, (seen) => settledIn(seen).length > 0)));
    const hash = await paid(network);
    for (const events of await both) assert.ok(hasSettled(events, hash));
  }),
  contractCase('settlements: an invoice of any amount tells what arrived', async ({ payer, payee }) => {
    const head = await payee.backend.invoices.settlementsHead();
    const invoice = await invoiceOf(payee.backend, { amountMsat: 'any' });
    await payNow(payer.backend, invoice.paymentRequest, { amountMsat: msat(4_321) });
    const events = await follow(payee.backend, head, (seen) => hasSettled(seen, invoice.paymentHash));
    const settlement = settledIn(events).find((each) => each.paymentHash === invoice.paymentHash);
    assert.equal(settlement?.receivedMsat, 4_321n);
  }),
  contractCase(
    'settlements: a held payment is none until it is taken',
    async ({ payer, payee }) => {
      const head = await payee.backend.invoices.settlementsHead();
      const secret = freshPreimage();
      const invoice = await invoiceOf(payee.backend, { hold: { paymentHash: hashOfPreimage(secret) } });
      const paying = payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE });
      await eventually('it is held', async () => (await payee.backend.invoices.lookup(invoice.paymentHash))?.state === 'held');
      const held = await follow(payee.backend, head, (seen) => seen.at(-1)?.kind === 'caught-up');
      assert.ok(!hasSettled(held, invoice.paymentHash));
      await payee.backend.invoices.settleHeld(secret);
      await paying;
      await follow(payee.backend, head, (seen) => hasSettled(seen, invoice.paymentHash));
    },
    { needs: [has('payee', 'holdInvoices')] },
  ),
  contractCase('settlements: a cursor of another kind of node is refused, not guessed at', async ({ payee }) => {
    const foreign = 'not-a-cursor-of-this-adapter' as SettlementCursor;
    const first = async () => {
      for await (const event of payee.backend.invoices.settlements({ after: foreign })) return event;
      return undefined;
    };
    await refused(first(), 'INVALID_ARGUMENT');
  }),
  contractCase('settlements: an abort ends them at once', async ({ payee }) => {
    const stop = new AbortController();
    const head = await payee.backend.invoices.settlementsHead();
    const started = Date.now();
    const ended = (async () => {
      try {
        for await (const event of payee.backend.invoices.settlements({ after: head, signal: stop.signal }))
          if (event.kind === 'caught-up') stop.abort();
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ABORTED');
      }
    })();
    await ended;
    assert.ok(Date.now() - started < 10_000);
  }),
  contractCase(
    'settlements: none is lost over a restart of the node',
    async (network) => {
      const { payee } = network;
      const head = await payee.backend.invoices.settlementsHead();
      const before = await paid(network);
      const following = follow(payee.backend, head, (seen) => settledIn(seen).length >= 2, 150_000);
      following.catch(() => undefined);
      await payee.stop();
      await payee.start();
      const after = await eventually('the payer reaches the payee again', () => paid(network).catch(() => undefined), 120_000);
      const events = await following;
      for (const hash of [before, after]) assert.ok(hasSettled(events, hash));
    },
    { timeoutMs: 240_000 },
  ),
  contractCase(
    'settlements: a backlog is yielded whole and once each',
    async (network) => {
      const { payer, payee, backlogSize } = network;
      const head = await payee.backend.invoices.settlementsHead();
      const hashes = new Set<string>();
      const atOnce = 8;
      for (let done = 0; done < backlogSize; done += atOnce) {
        const some = await Promise.all(
          Array.from({ length: Math.min(atOnce, backlogSize - done) }, async () => {
            const invoice = await invoiceOf(payee.backend, { amountMsat: msat(1_000) });
            await payNow(payer.backend, invoice.paymentRequest);
            return invoice.paymentHash;
          }),
        );
        for (const hash of some) hashes.add(hash);
      }
      const events = await follow(payee.backend, head, (seen) => settledIn(seen).length >= backlogSize, 120_000);
      const seen = settledIn(events).map((settlement) => settlement.paymentHash);
      assert.equal(new Set(seen).size, seen.length, 'a settlement came twice on one stream');
      assert.deepEqual(new Set(seen), hashes);
    },
    { timeoutMs: 300_000 },
  ),
];
