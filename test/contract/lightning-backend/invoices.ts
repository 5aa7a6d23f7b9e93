import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage } from '../../../src/core/lightning/identifiers.ts';
import { type ContractCase, contractCase, has, lacks } from '../case.ts';
import { AMPLE_FEE, allPages, eventually, freshLabel, freshPreimage, invoiceOf, payNow, refused } from '../support.ts';

const UNKNOWN_HASH = hashOfPreimage(freshPreimage());

/** Creating, finding and withdrawing invoices. */
export const invoiceCases: readonly ContractCase[] = [
  contractCase('invoices: what was asked for is what the payer reads', async ({ payer, payee }) => {
    const before = Date.now();
    const invoice = await invoiceOf(payee.backend, { amountMsat: msat(123_456), description: 'trade| AAPL GOOGL', expirySeconds: 600 });
    const decoded = await payer.backend.payments.decode(invoice.paymentRequest);
    assert.equal(decoded.paymentHash, invoice.paymentHash);
    assert.equal(decoded.amountMsat, 123_456n);
    assert.equal(decoded.description, 'trade| AAPL GOOGL');
    assert.equal(decoded.expiresAt - decoded.createdAt, 600_000);
    assert.ok(Math.abs(decoded.createdAt - before) < 60_000);
    assert.ok(Math.abs(invoice.expiresAt - decoded.expiresAt) <= 1_000);
    assert.equal(invoice.state, 'open');
    assert.equal(invoice.receivedMsat, 0n);
    assert.equal(invoice.settledAt, undefined);
  }),
  contractCase('invoices: an amount of one msat', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend, { amountMsat: msat(1) });
    assert.equal((await payer.backend.payments.decode(invoice.paymentRequest)).amountMsat, 1n);
  }),
  contractCase('invoices: an amount of a tenth of a bitcoin', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend, { amountMsat: sat(10_000_000) });
    assert.equal((await payer.backend.payments.decode(invoice.paymentRequest)).amountMsat, 10_000_000_000n);
  }),
  contractCase('invoices: any amount', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend, { amountMsat: 'any' });
    assert.equal(invoice.amountMsat, undefined);
    assert.equal((await payer.backend.payments.decode(invoice.paymentRequest)).amountMsat, undefined);
  }),
  contractCase('invoices: a description of 639 bytes of several scripts', async ({ payer, payee }) => {
    const description = `Ωμέγα 日本 ⚡ ${'å'.repeat(200)}`;
    const padded = description + 'x'.repeat(639 - Buffer.byteLength(description));
    assert.equal(Buffer.byteLength(padded), 639);
    const invoice = await invoiceOf(payee.backend, { description: padded });
    assert.equal((await payer.backend.payments.decode(invoice.paymentRequest)).description, padded);
    assert.equal((await payee.backend.invoices.lookup(invoice.paymentHash))?.description, padded);
  }),
  contractCase('invoices: a description of 640 bytes is refused', async ({ payee }) => {
    await refused(invoiceOf(payee.backend, { description: 'x'.repeat(640) }), 'INVALID_ARGUMENT');
  }),
  contractCase(
    'invoices: the hash of a longer description',
    async ({ payer, payee }) => {
      const sha256 = createHash('sha256').update('x'.repeat(5_000)).digest('hex');
      const invoice = await invoiceOf(payee.backend, { description: { sha256 } });
      assert.equal((await payer.backend.payments.decode(invoice.paymentRequest)).descriptionHash, sha256);
    },
    { needs: [has('payee', 'descriptionHash')] },
  ),
  contractCase(
    'invoices: the hash of a longer description is refused without the capability',
    async ({ payee }) => refused(invoiceOf(payee.backend, { description: { sha256: '00'.repeat(32) } }), 'UNSUPPORTED'),
    { needs: [lacks('payee', 'descriptionHash')] },
  ),
  contractCase(
    "invoices: a preimage of the caller's own settles it",
    async ({ payer, payee }) => {
      const secret = freshPreimage();
      const invoice = await invoiceOf(payee.backend, { preimage: secret });
      assert.equal(invoice.paymentHash, hashOfPreimage(secret));
      assert.equal((await payNow(payer.backend, invoice.paymentRequest)).preimage, secret);
    },
    { needs: [has('payee', 'ownPreimage')] },
  ),
  contractCase(
    'invoices: a preimage that was used for another invoice is refused',
    async ({ payee }) => {
      const secret = freshPreimage();
      await invoiceOf(payee.backend, { preimage: secret, amountMsat: msat(1_000) });
      await refused(invoiceOf(payee.backend, { preimage: secret, amountMsat: msat(2_000) }), 'ALREADY_EXISTS');
    },
    { needs: [has('payee', 'ownPreimage')] },
  ),
  contractCase(
    "invoices: a final CLTV delta of the caller's own",
    async ({ payer, payee }) => {
      const invoice = await invoiceOf(payee.backend, { finalCltvDelta: 77 });
      assert.equal((await payer.backend.payments.decode(invoice.paymentRequest)).finalCltvDelta, 77);
    },
    { needs: [has('payee', 'finalCltvDelta')] },
  ),
  contractCase(
    "invoices: a final CLTV delta of the caller's own is refused without the capability",
    async ({ payee }) => refused(invoiceOf(payee.backend, { finalCltvDelta: 77 }), 'UNSUPPORTED'),
    { needs: [lacks('payee', 'finalCltvDelta')] },
  ),
  contractCase(
    "invoices: a preimage of the caller's own is refused without the capability",
    async ({ payee }) => refused(invoiceOf(payee.backend, { preimage: freshPreimage() }), 'UNSUPPORTED'),
    { needs: [lacks('payee', 'ownPreimage')] },
  ),
  contractCase('invoices: the same label is the same invoice', async ({ payee }) => {
    const label = freshLabel();
    const first = await invoiceOf(payee.backend, { label });
    const second = await invoiceOf(payee.backend, { label });
    assert.equal(second.paymentHash, first.paymentHash);
    assert.equal(second.paymentRequest, first.paymentRequest);
  }),
  contractCase('invoices: an expiry that is not positive is refused', async ({ payee }) => {
    await refused(invoiceOf(payee.backend, { expirySeconds: 0 }), 'INVALID_ARGUMENT');
    await refused(invoiceOf(payee.backend, { expirySeconds: -5 }), 'INVALID_ARGUMENT');
  }),
  contractCase('invoices: an unknown hash is looked up as undefined', async ({ payee }) => {
    assert.equal(await payee.backend.invoices.lookup(UNKNOWN_HASH), undefined);
  }),
  contractCase('invoices: one that is settled says what arrived and when', async ({ payer, payee }) => {
    const before = Date.now();
    const invoice = await invoiceOf(payee.backend, { amountMsat: msat(54_321) });
    await payNow(payer.backend, invoice.paymentRequest);
    const found = await eventually('the payee calls it settled', async () => {
      const seen = await payee.backend.invoices.lookup(invoice.paymentHash);
      return seen?.state === 'settled' ? seen : undefined;
    });
    assert.equal(found.receivedMsat, 54_321n);
    assert.ok(Math.abs((found.settledAt ?? 0) - before) < 60_000);
  }),
  contractCase('invoices: one whose time is over is expired', async ({ payee }) => {
    const invoice = await invoiceOf(payee.backend, { expirySeconds: 1 });
    await eventually('it is expired', async () => (await payee.backend.invoices.lookup(invoice.paymentHash))?.state === 'expired', 20_000);
  }),
  contractCase(
    'invoices: a cancelled one can not be paid',
    async ({ payer, payee }) => {
      const invoice = await invoiceOf(payee.backend);
      await payee.backend.invoices.cancel(invoice.paymentHash);
      const outcome = await payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE });
      assert.equal(outcome.status, 'failed');
      const seen = await payee.backend.invoices.lookup(invoice.paymentHash);
      // A node may forget what it has cancelled.
      assert.ok(seen === undefined || seen.state === 'cancelled', `it is ${seen?.state}`);
    },
    { needs: [has('payee', 'cancelInvoice')] },
  ),
  contractCase(
    'invoices: cancelling what is settled is a conflict',
    async ({ payer, payee }) => {
      const invoice = await invoiceOf(payee.backend);
      await payNow(payer.backend, invoice.paymentRequest);
      await refused(payee.backend.invoices.cancel(invoice.paymentHash), 'CONFLICT');
    },
    { needs: [has('payee', 'cancelInvoice')] },
  ),
  contractCase(
    'invoices: cancelling an unknown one is not found',
    async ({ payee }) => refused(payee.backend.invoices.cancel(UNKNOWN_HASH), 'NOT_FOUND'),
    { needs: [has('payee', 'cancelInvoice')] },
  ),
  contractCase('invoices: pages hold each once', async ({ payee }) => {
    const made = [];
    for (let index = 0; index < 5; index += 1) made.push((await invoiceOf(payee.backend)).paymentHash);
    const listed = await allPages((after) => payee.backend.invoices.list({ limit: 3, ...(after === undefined ? {} : { after }) }));
    const hashes = listed.map((invoice) => invoice.paymentHash);
    assert.equal(new Set(hashes).size, hashes.length, 'an invoice stands in two pages');
    for (const hash of made) assert.ok(hashes.includes(hash), 'an invoice is in no page');
  }),
  contractCase('invoices: a list of one state has no other', async ({ payer, payee }) => {
    const paid = await invoiceOf(payee.backend);
    const open = await invoiceOf(payee.backend);
    await payNow(payer.backend, paid.paymentRequest);
    const settled = await eventually('it is listed as settled', async () => {
      const all = await allPages((after) => payee.backend.invoices.list({ state: 'settled', ...(after === undefined ? {} : { after }) }));
      return all.some((invoice) => invoice.paymentHash === paid.paymentHash) ? all : undefined;
    });
    assert.ok(settled.every((invoice) => invoice.state === 'settled'));
    assert.ok(!settled.some((invoice) => invoice.paymentHash === open.paymentHash));
  }),
  contractCase(
    'invoices: a hold invoice waits and is then taken',
    async ({ payer, payee }) => {
      const secret = freshPreimage();
      const invoice = await invoiceOf(payee.backend, { hold: { paymentHash: hashOfPreimage(secret) } });
      const paying = payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE });
      await eventually('it is held', async () => (await payee.backend.invoices.lookup(invoice.paymentHash))?.state === 'held');
      await payee.backend.invoices.settleHeld(secret);
      const outcome = await paying;
      assert.equal(outcome.status, 'settled');
      await eventually('it is settled', async () => (await payee.backend.invoices.lookup(invoice.paymentHash))?.state === 'settled');
    },
    { needs: [has('payee', 'holdInvoices')] },
  ),
  contractCase(
    'invoices: a held payment goes back when it is cancelled',
    async ({ payer, payee }) => {
      const secret = freshPreimage();
      const invoice = await invoiceOf(payee.backend, { hold: { paymentHash: hashOfPreimage(secret) } });
      const paying = payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE });
      await eventually('it is held', async () => (await payee.backend.invoices.lookup(invoice.paymentHash))?.state === 'held');
      await payee.backend.invoices.cancel(invoice.paymentHash);
      assert.equal((await paying).status, 'failed');
    },
    { needs: [has('payee', 'holdInvoices')] },
  ),
  contractCase(
    'invoices: taking what nobody has paid is refused',
    async ({ payee }) => {
      const secret = freshPreimage();
      await invoiceOf(payee.backend, { hold: { paymentHash: hashOfPreimage(secret) } });
      await refused(payee.backend.invoices.settleHeld(secret), 'CONFLICT', 'NOT_FOUND');
    },
    { needs: [has('payee', 'holdInvoices')] },
  ),
  contractCase(
    'invoices: hold is refused without the capability',
    async ({ payee }) => {
      const secret = freshPreimage();
      await refused(invoiceOf(payee.backend, { hold: { paymentHash: hashOfPreimage(secret) } }), 'UNSUPPORTED');
      await refused(payee.backend.invoices.settleHeld(secret), 'UNSUPPORTED');
    },
    { needs: [lacks('payee', 'holdInvoices')] },
  ),
];
