import { bech32, bech32m } from '@scure/base';
import { toTransaction } from '../../../src/adapters/simulated/gateway/views.ts';
import type { TransactionRecord } from '../../../src/adapters/simulated/network/records.ts';
import { sat } from '../../../src/core/lightning/amount.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import { GrpcFailure } from './grpc-failure.ts';
import { blockHash } from './info.ts';
import { type LndNode, self, type UnaryCalls } from './node.ts';
import { type Message, satOf, secondsOf } from './values.ts';

/** What lnd keeps back for each channel with anchors, at most ten times. */
const ANCHOR_RESERVE_SAT = 10_000;
const MAX_ANCHORS = 10;

/** The node's money on the chain. */
export const walletCalls: UnaryCalls = {
  'lnrpc.Lightning/NewAddress': async (node) => ({ address: await node.calls.call('newAddress', {}) }),
  'lnrpc.Lightning/WalletBalance': walletBalance,
  'lnrpc.Lightning/GetTransactions': getTransactions,
  'lnrpc.Lightning/SendCoins': sendCoins,
};

async function walletBalance(node: LndNode): Promise<Message> {
  const { confirmedMsat, unconfirmedMsat } = await node.calls.call('walletBalance', {});
  const balances = { confirmed_balance: satOf(confirmedMsat), unconfirmed_balance: satOf(unconfirmedMsat) };
  const anchors = Math.min(node.network.channels.of(node.name).filter(({ state }) => state !== 'closed').length, MAX_ANCHORS);
  return {
    total_balance: satOf(confirmedMsat + unconfirmedMsat),
    ...balances,
    locked_balance: '0',
    reserved_balance_anchor_chan: String(anchors * ANCHOR_RESERVE_SAT),
    account_balance: { default: balances },
  };
}

type TransactionsRequest = {
  readonly start_height: number;
  readonly end_height: number;
  readonly index_offset: number;
  readonly max_transactions: number;
};

/** Newest first, those in no block before all. An end of 0 leaves those out where there is a start, as -1 does not. */
function getTransactions(node: LndNode, request: TransactionsRequest): Message {
  const { start_height: start, end_height: end, index_offset: offset, max_transactions: wanted } = request;
  const last = end === 0 && start === 0 ? -1 : end;
  const fits = [...node.network.transactions(node.name)].filter(({ height }) =>
    height === undefined ? last === -1 : height >= start && (last === -1 || height <= last),
  );
  const found = fits.reverse().slice(offset, wanted === 0 ? undefined : offset + wanted);
  return {
    transactions: found.map((transaction) => toTransactionMessage(node, transaction)),
    first_index: String(found.length === 0 ? 0 : offset),
    last_index: String(found.length === 0 ? 0 : offset + found.length - 1),
  };
}

function toTransactionMessage(node: LndNode, record: TransactionRecord): Message {
  const { deltaMsat = 0n, feeMsat, confirmations } = toTransaction(node.network, node.name, record);
  return {
    tx_hash: record.txId,
    amount: satOf(deltaMsat),
    num_confirmations: confirmations,
    block_hash: record.height === undefined ? '' : blockHash(record.height),
    block_height: record.height ?? 0,
    time_stamp: secondsOf(record.at),
    total_fees: satOf(feeMsat ?? 0n),
    dest_addresses: [],
    output_details: record.outputs.map(({ to, amountMsat }, index) => ({
      output_type: 'SCRIPT_TYPE_WITNESS_V0_PUBKEY_HASH',
      address: '',
      pk_script: '',
      output_index: String(index),
      amount: satOf(amountMsat),
      is_our_address: typeof to === 'object' && to.node === node.name,
    })),
    raw_tx_hex: '',
    label: '',
    previous_outpoints: [],
  };
}

type SendRequest = {
  readonly addr: string;
  readonly amount: string;
  readonly sat_per_vbyte: string;
  readonly send_all: boolean;
};

async function sendCoins(node: LndNode, { addr, amount, sat_per_vbyte: feeRate, send_all: all }: SendRequest): Promise<Message> {
  requireAddress(addr);
  if (all && amount !== '0') throw new GrpcFailure('amount set while SendAll is active');
  const rate = feeRate === '0' ? {} : { feeRateSatPerVbyte: Number(feeRate) };
  const whole = all ? self(node).walletMsat / 1000n - sweepFee(Number(feeRate)) : BigInt(amount);
  try {
    const { txId } = await node.calls.call('send', { address: addr, amountMsat: sat(whole < 0n ? 0n : whole), ...rate });
    return { txid: txId };
  } catch (error) {
    if (isLightningError(error, 'INSUFFICIENT_FUNDS')) throw new GrpcFailure('insufficient funds available to construct transaction');
    if (isLightningError(error, 'INVALID_ARGUMENT') && /dust/.test(error.message)) throw new GrpcFailure('transaction output is dust');
    throw error;
  }
}

/** What the simulated chain takes for a transaction. */
function sweepFee(feeRate: number): bigint {
  const [vbytes, usual] = [141, 2];
  return BigInt(Math.ceil(vbytes * (feeRate === 0 ? usual : feeRate)));
}

function requireAddress(address: string): void {
  const text = address.toLowerCase() as `${string}1${string}`;
  const decoded = text.includes('1') ? (bech32.decodeUnsafe(text) ?? bech32m.decodeUnsafe(text)) : undefined;
  if (decoded === undefined) throw new GrpcFailure('checksum mismatch');
  if (decoded.prefix !== 'bcrt') throw new GrpcFailure(`address: ${address} is not valid for this network: regtest`);
}
