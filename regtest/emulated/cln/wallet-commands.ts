import type { Msat } from '../../../src/core/lightning/amount.ts';
import { scriptOf, toSimulatedAddress } from '../shared/addresses.ts';
import { channelsOf } from '../shared/channels-of.ts';
import { psbtOf, rawTransaction } from '../shared/transaction-text.ts';
import { stateOf } from './channel-history.ts';
import { feeRateText } from './channel-lookup.ts';
import { isOver } from './channel-view.ts';
import type { Coins } from './coins.ts';
import { type Commands, command } from './command.ts';
import { type ClnContext, translated } from './context.ts';
import type { Params } from './params.ts';
import { badParameter, CODE, Refusal } from './refusal.ts';

const SEQUENCE = 0xfffffffd;
const ADDRESS_TYPES = ['bech32', 'p2tr', 'all'];

/** lightningd's wallet on the chain. */
export function walletCommands(context: ClnContext, coins: Coins): Commands {
  return {
    newaddr: command('[addresstype]', async (params) => {
      const type = params.optionalText('addresstype') ?? 'p2tr';
      if (!ADDRESS_TYPES.includes(type)) throw badParameter('addresstype', `should be 'p2tr', 'bech32', or 'all'`, type);
      const address = await context.node.call('newAddress', {});
      coins.address = address;
      return { ...(type !== 'p2tr' && { bech32: address }), ...(type !== 'bech32' && { p2tr: address }) };
    }),
    listfunds: command('[spent]', (params) => ({
      outputs: outputs(context, coins, params.flag('spent') === true),
      channels: channels(context),
    })),
    listtransactions: command('', () => ({ transactions: transactions(context, coins) })),
    withdraw: command('destination satoshi [feerate] [minconf] [utxos]', (params) => withdraw(context, coins, params)),
  };
}

function outputs(context: ClnContext, coins: Coins, spent: boolean): readonly unknown[] {
  return coins
    .all()
    .filter((coin) => spent || coin.spentBy === undefined)
    .map((coin) => ({
      txid: coin.txId,
      output: coin.index,
      amount_msat: coin.amountMsat,
      scriptpubkey: scriptOf(coin.address),
      address: coin.address,
      status: coins.statusOf(coin),
      blockheight: context.network.transaction(coin.txId)?.height,
      reserved: false,
    }));
}

function channels(context: ClnContext): readonly unknown[] {
  return channelsOf(context.network, context.name)
    .filter((channel) => !isOver(context, channel))
    .map((channel) => ({
      peer_id: channel.peer.nodeId,
      connected: channel.connected,
      state: stateOf(context, channel),
      channel_id: channel.channelId,
      short_channel_id: channel.record.shortChannelId,
      our_amount_msat: channel.localMsat,
      amount_msat: channel.record.capacityMsat,
      funding_txid: channel.fundingTxId,
      funding_output: channel.fundingOutput,
    }));
}

function transactions(context: ClnContext, coins: Coins): readonly unknown[] {
  return coins.transactions().map((transaction) => {
    const height = context.network.transaction(transaction.txId)?.height;
    return {
      hash: transaction.txId,
      rawtx: rawTransaction(transaction.inputs, transaction.outputs),
      blockheight: height ?? 0,
      txindex: height === undefined ? 0 : 1,
      locktime: 0,
      version: 2,
      inputs: transaction.inputs.map(({ txId, index }) => ({ txid: txId, index, sequence: SEQUENCE })),
      outputs: transaction.outputs.map(({ amountMsat, script }, index) => ({ index, amount_msat: amountMsat, scriptPubKey: script })),
    };
  });
}

async function withdraw(context: ClnContext, coins: Coins, params: Params): Promise<unknown> {
  const address = toSimulatedAddress(params.text('destination'));
  const amountMsat = params.raw('satoshi') === 'all' ? context.self.walletMsat : (params.sat('satoshi') as Msat);
  const rate = feeRateText(params.optionalText('feerate'));
  const badAddress = 'Could not parse destination address, destination should be a valid address';
  const sent = await translated(
    context.node.call('send', { address, amountMsat, ...(rate !== undefined && { feeRateSatPerVbyte: rate }) }),
    {
      INVALID_ARGUMENT: (message) => new Refusal(CODE.generic, message.includes('address') ? badAddress : message),
      INSUFFICIENT_FUNDS: (message) => new Refusal(301, `Could not afford ${amountMsat / 1000n}sat: ${message}`),
    },
  );
  const transaction = coins.transaction(sent.txId);
  const raw = rawTransaction(transaction?.inputs ?? [], transaction?.outputs ?? []);
  return { tx: raw, txid: sent.txId, psbt: psbtOf(raw, transaction?.inputs.length ?? 0, transaction?.outputs.length ?? 0) };
}
