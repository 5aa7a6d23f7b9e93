import { spendable } from '../../../src/adapters/simulated/network/htlcs.ts';
import type { ChannelRecord, Side } from '../../../src/adapters/simulated/network/records.ts';
import { type Edge, findRoute } from '../../../src/adapters/simulated/network/routing.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { nodeId } from '../../../src/core/lightning/identifiers.ts';
import { amountArgument } from './amount-argument.ts';
import { INVOICE_FEATURES } from './features.ts';
import { GrpcFailure } from './grpc-failure.ts';
import { toRouteHint } from './invoice-message.ts';
import type { LndNode, UnaryCalls } from './node.ts';
import { toRouteMessage } from './payment-message.ts';
import { decode } from './payments.ts';
import { bytesOf, type Message, satOf, secondsOf, shortIdOf } from './values.ts';

const NO_ROUTE = 'unable to find a path to destination';
const PERCENT = 100n;

/** Reading payment requests and looking for routes. */
export const routeCalls: UnaryCalls = { 'lnrpc.Lightning/DecodePayReq': decodePayReq, 'lnrpc.Lightning/QueryRoutes': queryRoutes };

function decodePayReq(node: LndNode, { pay_req: request }: { readonly pay_req: string }): Message {
  const invoice = decode(node, request);
  return {
    destination: invoice.payee,
    payment_hash: invoice.paymentHash,
    num_satoshis: satOf(invoice.amountMsat ?? 0n),
    num_msat: String(invoice.amountMsat ?? 0n),
    timestamp: secondsOf(invoice.createdAt),
    expiry: secondsOf(invoice.expiresAt - invoice.createdAt),
    description: invoice.description ?? '',
    description_hash: invoice.descriptionHash ?? '',
    fallback_addr: '',
    cltv_expiry: String(invoice.finalCltvDelta),
    route_hints: invoice.routeHints.map(toRouteHint),
    payment_addr: bytesOf(invoice.paymentSecret),
    features: INVOICE_FEATURES,
    blinded_paths: [],
  };
}

type Query = {
  readonly pub_key: string;
  readonly amt: string;
  readonly amt_msat: string;
  readonly final_cltv_delta: number;
  readonly fee_limit: { readonly fixed?: string; readonly fixed_msat?: string; readonly percent?: string } | null;
  readonly route_hints: readonly { readonly hop_hints: readonly { readonly chan_id: string }[] }[];
};

/** One route, by capacities where the channel is not our own: what others have in theirs nobody is told. */
function queryRoutes(node: LndNode, query: Query): Message {
  const amountMsat = msat(amountArgument(query.amt, query.amt_msat));
  const target = /^0[23][0-9a-f]{64}$/.test(query.pub_key) ? node.network.nodes.byId(nodeId(query.pub_key)) : undefined;
  if (target === undefined) throw new GrpcFailure(NO_ROUTE);
  const hinted = new Set(query.route_hints.flatMap(({ hop_hints }) => hop_hints.map(({ chan_id }) => shortIdOf(chan_id))));
  const known = channelsOf(node).filter(
    (channel) => isParty(node, channel) || !channel.private || (channel.shortChannelId !== undefined && hinted.has(channel.shortChannelId)),
  );
  const edges = known.flatMap((channel) => [edgeOf(node, channel, 'a'), edgeOf(node, channel, 'b')]);
  const route = findRoute(edges, { from: node.name, to: target.name, amountMsat });
  if (route === undefined || route.feeMsat > feeLimit(query.fee_limit, amountMsat)) throw new GrpcFailure(NO_ROUTE);
  const last = { finalCltvDelta: query.final_cltv_delta, mpp: null, records: {} };
  return { routes: [toRouteMessage(node, route, last)], success_prob: 0.95 };
}

/** Every channel of the network that can be used, once. */
function channelsOf(node: LndNode): readonly ChannelRecord[] {
  const all = node.network.nodes.list().flatMap(({ name }) => node.network.channels.of(name).filter(({ a }) => a === name));
  return all.filter((channel) => node.network.channels.usable(channel));
}

function edgeOf(node: LndNode, channel: ChannelRecord, side: Side): Edge {
  const [from, to, policy] = side === 'a' ? [channel.a, channel.b, channel.aPolicy] : [channel.b, channel.a, channel.bPolicy];
  const spendableMsat = isParty(node, channel) ? spendable(channel, side) : channel.capacityMsat;
  return { channel: channel.outpoint, from, to, spendableMsat, policy };
}

function isParty(node: LndNode, { a, b }: ChannelRecord): boolean {
  return a === node.name || b === node.name;
}

/** Without a limit lnd takes the amount itself for one. */
function feeLimit(limit: Query['fee_limit'], amountMsat: bigint): bigint {
  if (limit?.fixed_msat !== undefined) return BigInt(limit.fixed_msat);
  if (limit?.fixed !== undefined) return BigInt(limit.fixed) * 1000n;
  if (limit?.percent !== undefined) return (amountMsat * BigInt(limit.percent)) / PERCENT;
  return amountMsat;
}
