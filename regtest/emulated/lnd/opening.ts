import { sat } from '../../../src/core/lightning/amount.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import { nodeId, type Outpoint, type TxId } from '../../../src/core/lightning/identifiers.ts';
import { GrpcFailure } from './grpc-failure.ts';
import { type LndNode, listen, type StreamCalls, self, type UnaryCalls } from './node.ts';
import { internalBytes, type Message } from './values.ts';

const MIN_SAT = 20_000n;
/** Without `protocol.wumbo-channels`. */
const MAX_SAT = 16_777_215n;
const SAT_PER_BTC = 100_000_000;

type OpenRequest = {
  readonly node_pubkey: Buffer;
  readonly node_pubkey_string: string;
  readonly local_funding_amount: string;
  readonly push_sat: string;
  readonly private: boolean;
  readonly sat_per_vbyte: string;
};

/** Opening a channel, told once its funding is broadcast. */
export const openingCalls: UnaryCalls = {
  'lnrpc.Lightning/OpenChannelSync': async (node, request: OpenRequest) => pointOf(await open(node, request)),
};

/** Opening a channel, told up to when it can be used. */
export const openingStreams: StreamCalls = {
  'lnrpc.Lightning/OpenChannel': async function* (node, request: OpenRequest, signal) {
    const changes = listen(node, signal, (event) => event.kind === 'channel');
    const outpoint = await open(node, request);
    const point = pointOf(outpoint);
    yield {
      chan_pending: { txid: point['funding_txid_bytes'], output_index: point['output_index'], fee_per_vbyte: '0', local_close_tx: false },
    };
    for await (const _ of changes.drain()) {
      if (node.network.channels.need(node.name, outpoint, 'open').state !== 'open') continue;
      yield { chan_open: { channel_point: point } };
      return;
    }
  },
};

async function open(node: LndNode, request: OpenRequest): Promise<Outpoint> {
  const [amount, push] = [BigInt(request.local_funding_amount), BigInt(request.push_sat)];
  if (amount === 0n) throw new GrpcFailure('local funding amount must be non-zero');
  if (push >= amount) throw new GrpcFailure('amount pushed to remote peer for initial state must be below the local funding amount');
  if (amount > MAX_SAT) throw new GrpcFailure(`funding amount is too large, the max channel size is: ${btc(MAX_SAT)}`);
  if (amount < MIN_SAT) throw new GrpcFailure(`channel is too small, the minimum channel size is: ${MIN_SAT} SAT`);
  const peer = request.node_pubkey.length > 0 ? request.node_pubkey.toString('hex') : request.node_pubkey_string;
  if (!/^0[23][0-9a-f]{64}$/.test(peer)) throw new GrpcFailure('NodePubkey is not set');
  if (peer === self(node).nodeId) throw new GrpcFailure('cannot open channel to self');
  try {
    const { outpoint } = await node.calls.call('openChannel', {
      peer: nodeId(peer),
      localFundingMsat: sat(amount),
      pushMsat: sat(push),
      private: request.private,
      ...(request.sat_per_vbyte !== '0' && { feeRateSatPerVbyte: Number(request.sat_per_vbyte) }),
    });
    return outpoint;
  } catch (error) {
    if (isLightningError(error, 'NOT_FOUND')) throw new GrpcFailure(`peer ${peer} is not online`);
    if (!isLightningError(error, 'INSUFFICIENT_FUNDS')) throw error;
    const has = self(node).walletMsat / 1000n;
    throw new GrpcFailure(`not enough witness outputs to create funding transaction, need ${btc(amount)} only have ${btc(has)} available`);
  }
}

function pointOf(outpoint: Outpoint): Message {
  const [txid = '', index = '0'] = outpoint.split(':');
  return { funding_txid_bytes: internalBytes(txid as TxId), output_index: Number(index) };
}

/** An amount as btcd prints it. */
function btc(amount: bigint): string {
  return `${Number(amount) / SAT_PER_BTC} BTC`;
}
