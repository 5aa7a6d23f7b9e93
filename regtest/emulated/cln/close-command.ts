import { channelsOf, type OwnChannel } from '../shared/channels-of.ts';
import { rawTransaction } from '../shared/transaction-text.ts';
import type { ChannelHistory } from './channel-history.ts';
import { feeRateText, named } from './channel-lookup.ts';
import { type CallContext, type Command, command } from './command.ts';
import { type ClnContext, translated } from './context.ts';
import type { Params } from './params.ts';
import { CODE, Refusal } from './refusal.ts';

/** Two days, after which lightningd closes by force unasked. */
const DEFAULT_TIMEOUT_SECONDS = 172_800;

/** `close`: with the peer where it can be had within the time, else by force; with a time of 0 never by force. */
export function closeCommand(context: ClnContext, history: ChannelHistory): Command {
  return command(
    'id [unilateraltimeout] [destination] [fee_negotiation_step] [wrong_funding] [force_lease_closed] [feerange]',
    (params, call) => close(context, history, params, call),
  );
}

async function close(context: ClnContext, history: ChannelHistory, params: Params, { signal }: CallContext): Promise<unknown> {
  const candidates = channelsOf(context.network, context.name).filter(({ record }) => record.state !== 'closed');
  const [channel, another] = named(candidates, params, 'id');
  if (channel === undefined) throw new Refusal(CODE.generic, 'Channel not found');
  if (another !== undefined) throw new Refusal(CODE.generic, 'Peer has multiple channels: use channel_id or short_channel_id');
  const { outpoint, closingTxId } = channel.record;
  if (closingTxId !== undefined) return answer(context, channel);
  const timeout = params.number('unilateraltimeout') ?? DEFAULT_TIMEOUT_SECONDS;
  const range = params.raw('feerange');
  const rate = Array.isArray(range) ? feeRateText(String(range[0])) : undefined;
  const isReady = () => {
    const record = context.network.channels.need(context.name, outpoint, 'close');
    if (record.state === 'closing' || record.state === 'closed') return true;
    const connected = context.network.peers.connected(record.a, record.b);
    return connected && record.state === 'open' && Object.keys(record.htlcs).length === 0 ? true : undefined;
  };
  const wait = { signal, ...(timeout > 0 && { timeoutMs: timeout * 1000 }) };
  const ready = await context.waitFor(wait, isReady);
  if (signal.aborted) throw new Refusal(CODE.generic, 'the connection has ended');
  history.closing(outpoint);
  const order = { channel: outpoint, force: ready === undefined, ...(rate !== undefined && { feeRateSatPerVbyte: rate }) };
  await translated(context.node.call('closeChannel', order), {
    CONFLICT: (message) => new Refusal(CODE.generic, message),
    INVALID_ARGUMENT: (message) => new Refusal(CODE.invalidParams, message),
  });
  const closed = channelsOf(context.network, context.name).find(({ record }) => record.outpoint === outpoint);
  return answer(context, closed ?? channel);
}

function answer(context: ClnContext, { record, fundingTxId, fundingOutput }: OwnChannel): unknown {
  const transaction = record.closingTxId === undefined ? undefined : context.network.transaction(record.closingTxId);
  const outputs = (transaction?.outputs ?? []).map(({ amountMsat }) => ({ amountMsat, script: `5120${fundingTxId}` }));
  return {
    txs: [rawTransaction([{ txId: fundingTxId, index: fundingOutput }], outputs)],
    txids: [record.closingTxId],
    type: transaction?.kind === 'force-close' ? 'unilateral' : 'mutual',
  };
}
