import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toClosedChannel, toOpenChannel, toPendingChannel, toPolicy } from '../../../src/adapters/lnd/mapping/channel.ts';
import { decodeInvoice } from '../../../src/adapters/lnd/mapping/decoded-invoice.ts';
import { toInvoice, toSettlement } from '../../../src/adapters/lnd/mapping/invoice.ts';
import { toNodeInfo, toTransaction } from '../../../src/adapters/lnd/mapping/node.ts';
import { toForward, toOutcome, toPayment } from '../../../src/adapters/lnd/mapping/payment.ts';
import { toChanId, toShortChannelId } from '../../../src/adapters/lnd/mapping/short-channel-id.ts';
import {
  lndChannelEdge,
  lndChannelPoint,
  lndChannels,
  lndClosedChannels,
  lndCloseUpdate,
  lndPendingChannels,
} from '../../../src/adapters/lnd/schema/channel.ts';
import { lndInvoice, lndInvoiceList } from '../../../src/adapters/lnd/schema/invoice.ts';
import { lndInfo, lndPeers, lndTransactions, lndWalletBalance } from '../../../src/adapters/lnd/schema/node.ts';
import { lndForwards, lndPayment, lndPaymentList } from '../../../src/adapters/lnd/schema/payment.ts';
import { hashOfPreimage, shortChannelId, txIdFromInternalBytes } from '../../../src/core/lightning/identifiers.ts';
import { recorded } from './fixtures.ts';

const invoiceOf = (name: string) => lndInvoice.parse(recorded(name));
const LATER = Date.UTC(2100, 0);

test('an open invoice keeps its amount, text and times', () => {
  const lnd = invoiceOf('invoice-open');
  const invoice = toInvoice(lnd, lnd.creation_date * 1000);
  expect(invoice).toMatchObject({
    state: 'open',
    amountMsat: 12_345n,
    receivedMsat: 0n,
    description: 'café',
    settledAt: undefined,
    index: lnd.add_index,
  });
  expect(invoice.expiresAt - invoice.createdAt).toBe(600_000);
  const decoded = decodeInvoice(invoice.paymentRequest, 'regtest');
  expect(decoded).toMatchObject({
    paymentHash: invoice.paymentHash,
    amountMsat: 12_345n,
    description: 'café',
    network: 'regtest',
    createdAt: invoice.createdAt,
    expiresAt: invoice.expiresAt,
  });
});

test('the state of an invoice follows lnd and the clock', () => {
  const now = invoiceOf('invoice-open').creation_date * 1000;
  expect(toInvoice(invoiceOf('invoice-settled'), now)).toMatchObject({ state: 'settled', receivedMsat: 12_345n });
  expect(toInvoice(invoiceOf('invoice-held'), now)).toMatchObject({ state: 'held', receivedMsat: 50_000n, settledAt: undefined });
  expect(toInvoice(invoiceOf('invoice-cancelled'), now).state).toBe('cancelled');
  expect(toInvoice(invoiceOf('invoice-open'), LATER).state).toBe('expired');
  expect(toInvoice(invoiceOf('invoice-cancelled'), LATER).state).toBe('expired');
  expect(toInvoice(invoiceOf('invoice-any'), now).amountMsat).toBeUndefined();
});

test('a settlement tells what was asked and what arrived', () => {
  const lnd = invoiceOf('invoice-settled');
  expect(toSettlement(lnd)).toEqual({
    paymentHash: lnd.r_hash,
    amountMsat: 12_345n,
    receivedMsat: 12_345n,
    settledAt: lnd.settle_date * 1000,
    expiresAt: (lnd.creation_date + lnd.expiry) * 1000,
    label: undefined,
  });
});

test('a settled payment has its preimage, fee and route', () => {
  const outcome = toOutcome(lndPayment.parse(recorded('payment-settled')));
  if (outcome.status !== 'settled') throw new Error(outcome.status);
  expect(hashOfPreimage(outcome.preimage)).toBe(outcome.paymentHash);
  expect(outcome).toMatchObject({ amountMsat: 12_345n, feeMsat: 1_000n });
  expect(outcome.parts).toHaveLength(1);
  expect(outcome.parts[0]).toMatchObject({ amountMsat: 12_345n, feeMsat: 1_000n });
  expect(outcome.parts[0]?.hops.map(({ forwardedMsat, feeMsat }) => [forwardedMsat, feeMsat])).toEqual([
    [12_345n, 1_000n],
    [12_345n, 0n],
  ]);
  expect(outcome.settledAt).toBeGreaterThan(Date.UTC(2026, 0));
});

test('a payment in flight is pending and one without route failed', () => {
  expect(toOutcome(lndPayment.parse(recorded('payment-in-flight'))).status).toBe('pending');
  expect(toOutcome(lndPayment.parse(recorded('payment-failed-no-route')))).toMatchObject({ status: 'failed', reason: 'no-route' });
});

test('every status and reason of lnd has its outcome, and none but FAILED is failed', () => {
  const payment = lndPayment.parse(recorded('payment-failed-no-route'));
  for (const status of ['IN_FLIGHT', 'INITIATED', 'UNKNOWN'] as const) {
    expect(toOutcome({ ...payment, status }).status).toBe(status === 'UNKNOWN' ? 'unknown' : 'pending');
  }
  const reasons = ['TIMEOUT', 'NO_ROUTE', 'ERROR', 'INCORRECT_PAYMENT_DETAILS', 'INSUFFICIENT_BALANCE', 'CANCELED', 'OF_THE_FUTURE'];
  expect(reasons.map((reason) => toOutcome({ ...payment, failure_reason: `FAILURE_REASON_${reason}` }))).toMatchObject(
    ['attempts-exhausted', 'no-route', 'error', 'rejected', 'insufficient-balance', 'attempts-exhausted', 'error'].map((reason) => ({
      reason,
    })),
  );
});

test('lists of invoices, payments and forwards parse as recorded', () => {
  expect(lndInvoiceList.parse(recorded('list-invoices')).invoices.length).toBeGreaterThan(2);
  expect(
    lndPaymentList
      .parse(recorded('list-payments'))
      .payments.map(toPayment)
      .map(({ outcome }) => outcome.status),
  ).toContain('settled');
  const [forward] = lndForwards.parse(recorded('forwarding-history')).forwarding_events.map(toForward);
  expect(forward).toMatchObject({ outMsat: 12_345n, inMsat: 13_345n, feeMsat: 1_000n });
});

test('channels of every state map with whole amounts', () => {
  const [open] = lndChannels.parse(recorded('list-channels')).channels.map(toOpenChannel);
  expect(open).toMatchObject({ state: 'active', capacityMsat: 5_000_000_000n, private: false });
  expect(open?.shortChannelId).toMatch(/^\d+x\d+x\d+$/);
  const pending = lndPendingChannels
    .parse(recorded('pending-open'))
    .pending_open_channels.map(({ channel }) => toPendingChannel(channel, 'pending'));
  const opened = lndChannelPoint.parse(recorded('open-channel'));
  expect(pending[0]).toMatchObject({
    outpoint: `${txIdFromInternalBytes(opened.funding_txid_bytes)}:${opened.output_index}`,
    capacityMsat: 300_000_000n,
    remoteMsat: 1_000_000n,
    initiator: true,
    closingTxId: undefined,
  });
  const [closing] = lndPendingChannels.parse(recorded('pending-closing')).waiting_close_channels;
  const [closed] = lndClosedChannels.parse(recorded('closed-channels')).channels.map(toClosedChannel);
  expect(closing && toPendingChannel(closing.channel, 'closing', closing.closing_txid).closingTxId).toBe(closed?.closingTxId);
  expect(closed).toMatchObject({ state: 'closed', capacityMsat: 300_000_000n, initiator: true });
  const [forced] = lndPendingChannels.parse(recorded('pending-force-closing')).pending_force_closing_channels;
  expect(forced?.closing_txid).toMatch(/^[0-9a-f]{64}$/);
});

test('a close is told in stages with the transaction as people paste it', () => {
  const updates = (recorded('close-channel') as unknown[]).map((update) => lndCloseUpdate.parse(update));
  const pending = updates.find(({ close_pending }) => close_pending)?.close_pending?.txid;
  const done = updates.find(({ chan_close }) => chan_close)?.chan_close?.closing_txid;
  const [closed] = lndClosedChannels.parse(recorded('closed-channels')).channels;
  expect(pending && txIdFromInternalBytes(pending)).toBe(closed?.closing_tx_hash);
  expect(done && txIdFromInternalBytes(done)).toBe(closed?.closing_tx_hash);
});

test('the policy is that of our side', () => {
  const edge = lndChannelEdge.parse(recorded('chan-info'));
  expect(toPolicy(edge, edge.node1_pub as never)).toEqual({ baseFeeMsat: 1_000n, feeRatePpm: 1, cltvDelta: 80 });
  expect(toPolicy({ ...edge, node2_policy: null }, edge.node2_pub as never)).toBeUndefined();
  expect(toPolicy(edge, `02${'00'.repeat(32)}` as never)).toBeUndefined();
});

test('the node, its peers and its wallet map', () => {
  expect(toNodeInfo(lndInfo.parse(recorded('get-info')))).toMatchObject({ network: 'regtest', alias: 'carol', synced: true });
  expect(() => toNodeInfo({ ...lndInfo.parse(recorded('get-info')), chains: [{ network: 'mars' }] })).toThrow(/mars/);
  expect(lndPeers.parse(recorded('list-peers')).peers.length).toBe(2);
  expect(lndWalletBalance.parse(recorded('wallet-balance')).confirmed_balance).toBeGreaterThan(0n);
  const transactions = lndTransactions.parse(recorded('transactions')).transactions.map(toTransaction);
  expect(transactions.some(({ deltaMsat }) => deltaMsat === 20_000_000_000n)).toBe(true);
  expect(transactions.some(({ deltaMsat }) => (deltaMsat ?? 0n) < 0n)).toBe(true);
});

test('an answer that lacks a field is refused, naming it', () => {
  const { state: _, ...without } = recorded('invoice-open') as Record<string, unknown>;
  expect(lndInvoice.safeParse(without).error?.issues[0]?.path).toEqual(['state']);
  expect(lndInvoice.safeParse({ ...without, state: 'PAID' }).success).toBe(false);
});

test('a short channel id and its number are the same channel', () => {
  expect(toShortChannelId('0')).toBeUndefined();
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 0xff_ffff }),
      fc.integer({ min: 0, max: 0xff_ffff }),
      fc.integer({ min: 0, max: 0xffff }),
      (block, tx, output) => {
        const id = shortChannelId(`${block}x${tx}x${output}`);
        expect(toShortChannelId(toChanId(id))).toBe(id);
      },
    ),
  );
});

test('what is not a payment request is an invalid argument', () => {
  for (const text of ['', 'lnbc1', 'hello', `lnbcrt1${'q'.repeat(200)}`])
    expect(() => decodeInvoice(text, 'regtest')).toThrow(/not a BOLT 11/);
});

test('a payment request may be in capitals and carry the scheme', () => {
  const { payment_request } = invoiceOf('invoice-open');
  expect(decodeInvoice(`LIGHTNING:${payment_request.toUpperCase()}`, 'regtest')).toEqual(decodeInvoice(payment_request, 'regtest'));
});
