import type { ChannelRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { Outpoint } from '../../../src/core/lightning/identifiers.ts';
import { waitFor } from '../shared/wait-for.ts';
import { type ChannelPoint, toOutpoint } from './channel-point.ts';
import { GrpcFailure } from './grpc-failure.ts';
import type { LndNode, StreamCalls } from './node.ts';
import { internalBytes, type Message } from './values.ts';

type CloseRequest = {
  readonly channel_point: ChannelPoint | null;
  readonly force: boolean;
  readonly target_conf: number;
  readonly sat_per_byte: string;
  readonly sat_per_vbyte: string;
  readonly no_wait: boolean;
};

/** Closing a channel, followed up to the block that has it. */
export const closingStreams: StreamCalls = { 'lnrpc.Lightning/CloseChannel': close };

async function* close(node: LndNode, request: CloseRequest, signal: AbortSignal): AsyncIterable<Message> {
  const { force, sat_per_vbyte: feeRate } = request;
  if (request.channel_point === null) throw new GrpcFailure('must specify channel point in close channel');
  if (force && (request.sat_per_byte !== '0' || feeRate !== '0' || request.target_conf !== 0)) {
    throw new GrpcFailure('force closing a channel uses a pre-defined fee');
  }
  const id = toOutpoint(request.channel_point);
  const channel = node.network.channels.of(node.name).find(({ outpoint, state }) => outpoint === id && state !== 'closed');
  if (channel === undefined) throw new GrpcFailure('channel not found');
  if (!force) requireLink(node, channel);
  if (request.no_wait) yield { close_instant: { num_pending_htlcs: Object.keys(channel.htlcs).length } };
  if (!force && !(await withoutHtlcs(node, id, request.no_wait, signal))) return;
  if (channel.state === 'open') node.closedHere.add(id);
  await node.calls.call('closeChannel', { channel: id, force, ...(feeRate !== '0' && { feeRateSatPerVbyte: Number(feeRate) }) });
  for await (const { stage, txId } of node.calls.follow('closing', { channel: id }, { signal })) {
    const txid = internalBytes(txId);
    if (stage === 'closing') yield { close_pending: { txid, output_index: 0, fee_per_vbyte: '0', local_close_tx: false } };
    else yield { chan_close: { closing_txid: txid, success: true, additional_outputs: [] } };
  }
}

/** Closing together takes a channel in use: its peer there, its funding confirmed. */
function requireLink(node: LndNode, channel: ChannelRecord): void {
  if (!node.network.channels.usable(channel)) {
    const reason = 'unable to gracefully close channel while peer is offline (try force closing it instead): channel link not found';
    throw new GrpcFailure(reason);
  }
}

/** Whether nothing is on its way; waited for where the caller wants it. False: the caller has gone. */
async function withoutHtlcs(node: LndNode, id: Outpoint, waits: boolean, signal: AbortSignal): Promise<boolean> {
  const active = (): number => {
    const channel = node.network.channels.of(node.name).find(({ outpoint }) => outpoint === id);
    return Object.keys(channel?.htlcs ?? {}).length;
  };
  if (waits) return (await waitFor({ ...node, signal }, () => (active() === 0 ? true : undefined))) === true;
  if (active() === 0) return true;
  const count = `(number of active htlcs: ${active()})`;
  throw new GrpcFailure(
    `cannot coop close channel with active htlcs ${count}, bypass this check and initiate the coop close by setting no_wait=true`,
  );
}
