import assert from 'node:assert/strict';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage } from '../../../src/core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../../src/core/lightning/payment.ts';
import { type ContractCase, contractCase, has, lacks } from '../case.ts';
import { memoryIntents } from '../memory-intents.ts';
import type { ContractNetwork } from '../network.ts';
import {
  AMPLE_FEE,
  allPages,
  eventually,
  freshLabel,
  freshPreimage,
  invoiceOf,
  payNow,
  refused,
  restingBalance,
  untilSettled,
} from '../support.ts';

/** A mainnet invoice of BOLT 11's own examples. */
const MAINNET_INVOICE =
  'lnbc20m1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqsfpp3qjmp7lwpagxun9pygexvgpjdc4jdj85fr9yq20q82gphp2nflc7jtzrcazrra7wwgzxqc8u7754cdlpfrmccae92qgzqvzq2ps8pqqqqqqpqqqqq9qqqvpeuqafqxu92d8lr6fvg0r5gv0heeeqgcrqlnm6jhphu9y00rrhy4grqszsvpcgpy9qqqqqqgqqqqq7qqzqj9n4evl6mr5aj9f58zp6fyjzup6ywn3x6sk8akg5v4tgn2q8g4fhx05wf6juaxu9760yp46454gpg5mtzgerlzezqcqvjnhjh8z3g2qqdhhwkj';

async function receivedBy(
  { payee }: ContractNetwork,
  hash: Parameters<typeof payee.backend.invoices.lookup>[0],
): Promise<bigint | undefined> {
  return (await payee.backend.invoices.lookup(hash))?.receivedMsat;
}

function isFinal(outcome: PaymentOutcome): boolean {
  return outcome.status === 'settled' || outcome.status === 'failed';
}

/** Paying: outcomes, caps, and never twice. */
export const paymentCases: readonly ContractCase[] = [
  contractCase('payments: over two hops, with preimage and fee', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend, { amountMsat: msat(250_000) });
    const outcome = await payNow(payer.backend, invoice.paymentRequest);
    assert.equal(outcome.paymentHash, invoice.paymentHash);
    assert.equal(hashOfPreimage(outcome.preimage), invoice.paymentHash);
    assert.equal(outcome.amountMsat, 250_000n);
    assert.ok(outcome.feeMsat >= 0n && outcome.feeMsat <= AMPLE_FEE);
  }),
  contractCase(
    'payments: the route that was taken',
    async ({ payer, middle, payee }) => {
      const invoice = await invoiceOf(payee.backend, { amountMsat: msat(250_000) });
      const outcome = await payNow(payer.backend, invoice.paymentRequest);
      const [part] = outcome.parts;
      const hops = part?.hops.map((hop) => hop.nodeId);
      assert.deepEqual(hops, [(await middle.backend.node.identity()).nodeId, (await payee.backend.node.identity()).nodeId]);
      assert.equal(part?.hops.at(-1)?.forwardedMsat, 250_000n);
    },
    { needs: [has('payer', 'paymentRoute')] },
  ),
  contractCase('payments: an amount of one msat', async ({ payer, middle }) => {
    // To the neighbour: a node that forwards may ask for a larger least amount, and a payer who hits on that avoids it for long.
    const invoice = await invoiceOf(middle.backend, { amountMsat: msat(1) });
    const outcome = await payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE });
    // The channel may ask for more, too; then it fails, and nothing has arrived.
    assert.ok(isFinal(outcome), outcome.status);
    const received = (await middle.backend.invoices.lookup(invoice.paymentHash))?.receivedMsat;
    assert.equal(received, outcome.status === 'settled' ? 1n : 0n);
  }),
  contractCase('payments: paying again answers the first outcome', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend);
    const first = await payNow(payer.backend, invoice.paymentRequest);
    const before = await restingBalance(payer.backend);
    const second = await payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE });
    assert.equal(second.status, 'settled');
    assert.equal(second.status === 'settled' ? second.preimage : '', first.preimage);
    assert.equal(await restingBalance(payer.backend), before);
  }),
  contractCase('payments: twice at once is one payment', async (network) => {
    const invoice = await invoiceOf(network.payee.backend, { amountMsat: msat(33_000) });
    const request = { paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE };
    const outcomes = await Promise.all([network.payer.backend.payments.pay(request), network.payer.backend.payments.pay(request)]);
    for (const outcome of outcomes) assert.equal(outcome.status, 'settled');
    assert.equal(await receivedBy(network, invoice.paymentHash), 33_000n);
    const listed = await allPages((after) => network.payer.backend.payments.list(after === undefined ? {} : { after }));
    const settled = listed.filter(({ outcome }) => outcome.paymentHash === invoice.paymentHash && outcome.status === 'settled');
    assert.equal(settled.length, 1);
  }),
  contractCase('payments: after a restart of ours the same call answers the same payment', async ({ payer, payee }) => {
    const intents = memoryIntents();
    const invoice = await invoiceOf(payee.backend);
    const request = { paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE };
    const first = await payer.open(intents);
    const outcome = await first.payments.pay(request);
    await first[Symbol.asyncDispose]();
    await using second = await payer.open(intents);
    const again = await second.payments.pay(request);
    assert.equal(again.status, 'settled');
    assert.deepEqual(again.status === 'settled' && again.preimage, outcome.status === 'settled' && outcome.preimage);
  }),
  contractCase('payments: a crash between intent and answer never pays twice', async (network) => {
    const { payer, payee } = network;
    const intents = memoryIntents();
    const invoice = await invoiceOf(payee.backend, { amountMsat: msat(44_000) });
    const request = { paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE, timeoutMs: 5_000 };
    const first = await payer.open(intents);
    const abandoned = first.payments.pay(request);
    abandoned.catch(() => undefined);
    const node = await first.node.identity();
    await eventually('the intent is stored', async () => (await intents.find(node, invoice.paymentHash)) !== undefined);
    await first[Symbol.asyncDispose]();
    await abandoned.catch(() => undefined);
    await using second = await payer.open(intents);
    const outcome = await second.payments.pay(request);
    if (outcome.status !== 'unknown') assert.equal((await untilSettled(second, invoice.paymentHash)).amountMsat, 44_000n);
    const received = await receivedBy(network, invoice.paymentHash);
    assert.ok(received === 44_000n || (outcome.status === 'unknown' && received === 0n), `${received} msat arrived`);
  }),
  contractCase('payments: an intent whose attempt never began is not taken for a payment', async ({ payer, payee }) => {
    const intents = memoryIntents();
    const invoice = await invoiceOf(payee.backend);
    await using backend = await payer.open(intents);
    const node = await backend.node.identity();
    await intents.begin({
      node,
      paymentHash: invoice.paymentHash,
      paymentRequest: invoice.paymentRequest,
      keysend: undefined,
      amountMsat: msat(12_345),
      maxFeeMsat: AMPLE_FEE,
      createdAt: Date.now(),
      expiresAt: invoice.expiresAt,
    });
    const outcome = await backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE, timeoutMs: 1_000 });
    // A node whose record is immediate proves that nothing was tried, so it is tried now; any other keeps us waiting.
    assert.ok(outcome.status === 'settled' || outcome.status === 'unknown', outcome.status);
  }),
  contractCase('payments: what was paid is looked up and listed', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend);
    const outcome = await payNow(payer.backend, invoice.paymentRequest);
    const seen = await payer.backend.payments.lookup(invoice.paymentHash);
    assert.equal(seen?.status, 'settled');
    assert.equal(seen?.status === 'settled' ? seen.feeMsat : undefined, outcome.feeMsat);
    const listed = await allPages((after) => payer.backend.payments.list({ limit: 10, ...(after === undefined ? {} : { after }) }));
    assert.ok(listed.some((payment) => payment.outcome.paymentHash === invoice.paymentHash && payment.outcome.status === 'settled'));
  }),
  contractCase('payments: a hash that nobody paid is looked up as undefined', async ({ payer }) => {
    assert.equal(await payer.backend.payments.lookup(hashOfPreimage(freshPreimage())), undefined);
  }),
  contractCase('payments: more than the channels hold fails', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend, { amountMsat: sat(90_000_000) });
    const outcome = await payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: sat(100_000) });
    assert.equal(outcome.status, 'failed');
    const reason = outcome.status === 'failed' ? outcome.reason : '';
    assert.ok(['no-route', 'insufficient-balance', 'attempts-exhausted'].includes(reason), reason);
  }),
  contractCase('payments: a fee cap just under fails, just enough pays, and is never exceeded', async (network) => {
    const { payer, payee } = network;
    const amountMsat = msat(40_000_000);
    const first = await invoiceOf(payee.backend, { amountMsat });
    const { feeMsat } = await payNow(payer.backend, first.paymentRequest, { maxFeeMsat: sat(100_000) });
    const step = payer.capabilities.feeCapStepMsat;
    assert.ok(feeMsat > step, `the route costs ${feeMsat} msat: too little to tell`);
    const second = await invoiceOf(payee.backend, { amountMsat });
    const under = await payer.backend.payments.pay({ paymentRequest: second.paymentRequest, maxFeeMsat: msat(feeMsat - 1n) });
    assert.equal(under.status, 'failed', `a cap of ${feeMsat - 1n} msat let it through`);
    assert.equal(await receivedBy(network, second.paymentHash), 0n);
    const enough = msat(((feeMsat + step - 1n) / step) * step);
    const paid = await payNow(payer.backend, second.paymentRequest, { maxFeeMsat: enough });
    assert.ok(paid.feeMsat <= enough);
  }),
  contractCase('payments: an expired invoice fails and costs nothing', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend, { expirySeconds: 1 });
    await eventually('it has expired', () => Date.now() > invoice.expiresAt + 1_000, 10_000);
    const outcome = await payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE });
    assert.equal(outcome.status === 'failed' ? outcome.reason : outcome.status, 'expired');
  }),
  contractCase('payments: an open amount is for the payer to say', async (network) => {
    const { payer, payee } = network;
    const open = await invoiceOf(payee.backend, { amountMsat: 'any' });
    await refused(payer.backend.payments.pay({ paymentRequest: open.paymentRequest, maxFeeMsat: AMPLE_FEE }), 'INVALID_ARGUMENT');
    await payNow(payer.backend, open.paymentRequest, { amountMsat: msat(5_555) });
    assert.equal(await eventually('it has arrived', async () => (await receivedBy(network, open.paymentHash)) || undefined), 5_555n);
    const fixed = await invoiceOf(payee.backend);
    await refused(
      payer.backend.payments.pay({ paymentRequest: fixed.paymentRequest, amountMsat: msat(99_999), maxFeeMsat: AMPLE_FEE }),
      'INVALID_ARGUMENT',
    );
  }),
  contractCase("payments: one's own invoice never hangs", async ({ payer }) => {
    const invoice = await invoiceOf(payer.backend);
    const outcome = await payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE, timeoutMs: 20_000 });
    assert.ok(isFinal(outcome), outcome.status);
  }),
  contractCase('payments: an invoice of another network is refused', async ({ payer }) => {
    await refused(
      payer.backend.payments.pay({ paymentRequest: MAINNET_INVOICE, maxFeeMsat: AMPLE_FEE }),
      'WRONG_NETWORK',
      'INVALID_ARGUMENT',
    );
  }),
  contractCase('payments: what is not an invoice is refused', async ({ payer }) => {
    for (const text of ['', 'hello', 'lnbcrt1', 'lnbcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq']) {
      await refused(payer.backend.payments.pay({ paymentRequest: text, maxFeeMsat: AMPLE_FEE }), 'INVALID_ARGUMENT');
      await refused(payer.backend.payments.decode(text), 'INVALID_ARGUMENT');
    }
  }),
  contractCase(
    'payments: a time-out while the payment is held is pending, not failed',
    async ({ payer, payee }) => {
      const secret = freshPreimage();
      const invoice = await invoiceOf(payee.backend, { hold: { paymentHash: hashOfPreimage(secret) } });
      const request = { paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE, timeoutMs: 2_000 };
      const outcome = await payer.backend.payments.pay(request);
      assert.ok(outcome.status === 'pending' || outcome.status === 'unknown', outcome.status);
      await eventually('it is held', async () => (await payee.backend.invoices.lookup(invoice.paymentHash))?.state === 'held');
      const again = await payer.backend.payments.pay(request);
      assert.ok(again.status === 'pending' || again.status === 'unknown', again.status);
      await payee.backend.invoices.settleHeld(secret);
      await untilSettled(payer.backend, invoice.paymentHash);
    },
    { needs: [has('payee', 'holdInvoices')] },
  ),
  contractCase('payments: an abort ends the wait, and the payment can be looked up', async ({ payer, payee }) => {
    const invoice = await invoiceOf(payee.backend);
    const stop = new AbortController();
    const paying = payer.backend.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: AMPLE_FEE }, { signal: stop.signal });
    stop.abort();
    const ended = await paying.then(
      (outcome) => outcome.status,
      (error: { code?: string }) => error.code,
    );
    assert.ok(ended === 'ABORTED' || ended === 'settled', String(ended));
    const known = await eventually('it is settled or was never tried', async () => {
      const outcome = await payer.backend.payments.lookup(invoice.paymentHash);
      return outcome === undefined || isFinal(outcome) ? { outcome } : undefined;
    });
    if (known.outcome?.status !== 'settled') await payNow(payer.backend, invoice.paymentRequest);
  }),
  contractCase(
    'payments: without an invoice, once per key',
    async ({ payer, payee }) => {
      const { nodeId } = await payee.backend.node.identity();
      const request = { destination: nodeId, amountMsat: msat(6_000), maxFeeMsat: AMPLE_FEE, key: freshLabel() };
      const first = await payer.backend.payments.keysend(request);
      assert.equal(first.status, 'settled');
      const second = await payer.backend.payments.keysend(request);
      assert.equal(second.status, 'settled');
      assert.equal(second.paymentHash, first.paymentHash);
    },
    { needs: [has('payer', 'keysend')] },
  ),
  contractCase(
    'payments: without an invoice is refused without the capability',
    async ({ payer, payee }) => {
      const { nodeId } = await payee.backend.node.identity();
      await refused(
        payer.backend.payments.keysend({ destination: nodeId, amountMsat: msat(6_000), maxFeeMsat: AMPLE_FEE, key: freshLabel() }),
        'UNSUPPORTED',
      );
    },
    { needs: [lacks('payer', 'keysend')] },
  ),
];
