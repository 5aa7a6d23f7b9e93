import { isLightningError } from '../../../src/core/lightning/errors.ts';
import type { NodeId, Outpoint } from '../../../src/core/lightning/identifiers.ts';
import { channelsOf, type OwnChannel } from '../shared/channels-of.ts';
import { type ChannelStates, stateOf } from './channel-state.ts';
import { balanceView, channelView, closedChannelView } from './channel-view.ts';
import { abortedView } from './commitments-view.ts';
import type { EclairContext, Endpoint, Endpoints } from './context.ts';
import type { Form } from './form.ts';
import { ApiRefusal } from './refusal.ts';

/** What lnd, who answered in the recordings, wants at least. */
const MIN_SAT = 20_000n;
const DEFAULT_COUNT = 10;

/** Channels: opening, listing, pricing, closing. */
export function channelEndpoints(context: EclairContext, states: ChannelStates): Endpoints {
  const all = () => channelsOf(context.network, context.name);
  const inHand = () => all().filter((channel) => stateOf(context, channel) !== 'CLOSED');
  const balances: Endpoint = () =>
    all()
      .filter(({ record }) => context.network.channels.usable(record))
      .map((channel) => balanceView(context, channel));
  return {
    open: (form) => open(context, states, form),
    channels: (form) => {
      const peer = form.has('nodeId') ? form.nodeId('nodeId') : undefined;
      const listed = inHand().filter((channel) => peer === undefined || channel.peer.nodeId === peer);
      const aborted = states.aborted.filter((channel) => peer === undefined || channel.peer === peer);
      return [
        ...listed.map((channel) => channelView(context, states, channel)),
        ...aborted.map((channel) => abortedView(context, channel)),
      ];
    },
    channel: (form) => {
      const id = form.hex32('channelId');
      const found = inHand().find(({ channelId }) => channelId === id);
      if (found === undefined) throw new ApiRefusal(400, `channel ${id} not found`);
      return channelView(context, states, found);
    },
    closedchannels: (form) => {
      const over = all()
        .filter((channel) => stateOf(context, channel) === 'CLOSED')
        .reverse();
      const skip = form.optionalNumber('skip') ?? 0;
      const page = over.slice(skip, skip + (form.optionalNumber('count') ?? DEFAULT_COUNT));
      return page.map((channel) => closedChannelView(context, states, channel));
    },
    usablebalances: balances,
    channelbalances: balances,
    updaterelayfee: (form) => updateRelayFee(context, inHand(), form),
    close: async (form) => await eachChannel(form, inHand(), (channel) => close(context, states, channel, form)),
    forceclose: async (form) => await eachChannel(form, inHand(), (channel) => forceClose(context, states, channel, form)),
  };
}

async function open(context: EclairContext, states: ChannelStates, form: Form): Promise<unknown> {
  const peerId = form.nodeId('nodeId') as NodeId;
  const fundingMsat = form.sat('fundingSatoshis');
  const peer = context.network.nodes.byId(peerId);
  const known = peer === undefined ? undefined : context.network.peers.between(context.name, peer.name);
  if (known === undefined) throw new ApiRefusal(500, `peer ${peerId} not found`);
  if (!known.connected) throw new ApiRefusal(500, 'not connected');
  const fundingSat = fundingMsat / 1000n;
  if (fundingSat < MIN_SAT) {
    states.abort({ temporaryId: context.randomHex(32), peer: peerId, fundingSat });
    const bitcoin = (Number(fundingSat) / 1e8).toFixed(8);
    return `peer aborted the channel funding flow: 'chan size of ${bitcoin} BTC is below min chan size of 0.00020000 BTC'`;
  }
  const rate = form.optionalNumber('fundingFeerateSatByte');
  const pushMsat = form.optionalMsat('pushMsat');
  try {
    const { outpoint } = await context.node.call('openChannel', {
      peer: peerId,
      localFundingMsat: fundingMsat,
      private: form.flag('announceChannel') === false,
      ...(pushMsat !== undefined && { pushMsat }),
      ...(rate !== undefined && { feeRateSatPerVbyte: rate }),
    });
    const channel = channelsOf(context.network, context.name).find(({ record }) => record.outpoint === outpoint) as OwnChannel;
    const fees = (context.network.transactions(context.name).find(({ txId }) => txId === channel.fundingTxId)?.feeMsat ?? 0n) / 1000n;
    return `created channel ${channel.channelId} with fundingTxId=${channel.fundingTxId} and fees=${fees} sat`;
  } catch (error) {
    if (isLightningError(error, 'INSUFFICIENT_FUNDS'))
      throw new ApiRefusal(500, 'wallet error with error=JsonRPCError(Error(-4,Insufficient funds))');
    if (isLightningError(error, 'INVALID_ARGUMENT') || isLightningError(error, 'REJECTED'))
      return `channel could not be opened: '${error.message}'`;
    throw error;
  }
}

async function updateRelayFee(
  context: EclairContext,
  channels: readonly OwnChannel[],
  form: Form,
): Promise<Readonly<Record<string, string>>> {
  const peers = new Set(form.has('nodeId') ? [form.nodeId('nodeId')] : form.list('nodeIds'));
  if (peers.size === 0) throw new ApiRefusal(400, "Request is missing required form field 'nodeId'");
  const [baseFeeMsat, feeRatePpm] = [form.msat('feeBaseMsat'), form.number('feeProportionalMillionths')];
  const done: Record<string, string> = {};
  for (const { peer, record, policy, channelId } of channels) {
    if (!peers.has(peer.nodeId) || (record.state !== 'open' && record.state !== 'pending')) continue;
    await context.node.call('setPolicy', { channel: record.outpoint, policy: { ...policy, baseFeeMsat, feeRatePpm } });
    done[channelId] = 'ok';
  }
  return done;
}

/** What was said of each channel that the form names, by the id it names. */
async function eachChannel(
  form: Form,
  channels: readonly OwnChannel[],
  act: (channel: OwnChannel) => Promise<string>,
): Promise<Readonly<Record<string, string>>> {
  const ids = [
    ...(form.has('channelId') ? [form.hex32('channelId')] : []),
    ...form.list('channelIds'),
    ...form.list('shortChannelId'),
    ...form.list('shortChannelIds'),
  ];
  if (ids.length === 0) throw new ApiRefusal(400, "Request is missing required form field 'channelId'");
  const said: Record<string, string> = {};
  for (const id of ids) {
    const channel = channels.find(({ channelId, record }) => channelId === id || record.shortChannelId === id);
    said[id] = channel === undefined ? `channel ${id} not found` : await act(channel);
  }
  return said;
}

/** A cooperative close: HTLCs in flight are waited for, the answer comes at once. */
async function close(context: EclairContext, states: ChannelStates, { record, channelId }: OwnChannel, form: Form): Promise<string> {
  const { outpoint } = record;
  if (record.state !== 'open')
    return `cannot execute command=CMD_CLOSE in state=${record.state === 'pending' ? 'WAIT_FOR_FUNDING_CONFIRMED' : 'CLOSING'}`;
  const rate = form.optionalNumber('preferredFeerateSatByte');
  const order = { channel: outpoint, ...(rate !== undefined && { feeRateSatPerVbyte: rate }) };
  if (!context.network.peers.connected(record.a, record.b)) return 'cannot execute command=CMD_CLOSE in state=OFFLINE';
  states.shuttingDown.add(outpoint);
  if (Object.keys(record.htlcs).length === 0) await context.node.call('closeChannel', order);
  else void closeLater(context, outpoint, order);
  return `closed channel ${channelId}`;
}

async function closeLater(context: EclairContext, outpoint: Outpoint, order: { readonly channel: Outpoint }): Promise<void> {
  await context.waitFor({ signal: new AbortController().signal }, () => {
    const { state, a, b, htlcs } = context.network.channels.need(context.name, outpoint, 'close');
    return state !== 'open' || (context.network.peers.connected(a, b) && Object.keys(htlcs).length === 0) ? true : undefined;
  });
  await context.node.call('closeChannel', order).catch((error) => context.options.logger.warn({ err: error }, 'a channel did not close'));
}

async function forceClose(context: EclairContext, states: ChannelStates, { record, channelId }: OwnChannel, form: Form): Promise<string> {
  const rate = form.optionalNumber('maxClosingFeerateSatByte');
  try {
    states.forcing(record.outpoint);
    await context.node.call('closeChannel', {
      channel: record.outpoint,
      force: true,
      ...(rate !== undefined && { feeRateSatPerVbyte: rate }),
    });
    return `closed channel ${channelId}`;
  } catch (error) {
    if (isLightningError(error, 'CONFLICT')) return error.message;
    throw error;
  }
}
