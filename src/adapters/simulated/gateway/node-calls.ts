import { msat } from '../../../core/lightning/amount.ts';
import type { PageRequest } from '../../../core/lightning/common.ts';
import type { NodeId, PaymentHash } from '../../../core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../../core/lightning/payment.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import { failure } from '../network/failures.ts';
import type { SimulatedNetwork } from '../network/network.ts';
import type { NodeCall, NodeCalls } from './calls.ts';
import {
  type PageNumbers,
  toChannel,
  toForward,
  toInvoice,
  toOutcome,
  toPage,
  toPayment,
  toPeer,
  toSettlement,
  toTransaction,
  total,
} from './views.ts';

const DEFAULT_PAGE = 100;
const DEFAULT_SETTLEMENTS = 1000;
const DEFAULT_TIMEOUT_MS = 60_000;

/** What a handler is given beside its parameters. */
export interface NodeContext {
  readonly network: SimulatedNetwork;
  readonly clock: Clock;
  /** The node that is called. */
  readonly node: string;
  readonly signal: AbortSignal | undefined;
}

type Handlers = {
  readonly [M in NodeCall]: (
    context: NodeContext,
    params: NodeCalls[M]['params'],
  ) => NodeCalls[M]['result'] | Promise<NodeCalls[M]['result']>;
};

/** Every call to a node, done on the network. */
export const nodeHandlers: Handlers = {
  info: ({ network, node }) => {
    const { nodeId, port } = network.nodes.need(node);
    return {
      network: 'regtest',
      nodeId,
      alias: node,
      version: 'simulated 1',
      blockHeight: network.chain.record.height,
      synced: true,
      uris: [`${nodeId}@127.0.0.1:${port}`],
    };
  },

  createInvoice: ({ network, node }, request) => toInvoice(network, network.invoices.create(node, request)),
  lookupInvoice: ({ network, node }, { paymentHash }) => {
    const invoice = network.invoices.find(node, paymentHash);
    return invoice === undefined ? null : toInvoice(network, invoice);
  },
  listInvoices: ({ network, node }, request) => {
    if (request.state === undefined)
      return toPage(
        (after, limit) => network.invoices.list(node, after, limit),
        numbers(request),
        (invoice) => toInvoice(network, invoice),
      );
    return invoicesOfState(network, node, { ...numbers(request), state: request.state });
  },
  cancelInvoice: ({ network, node }, { paymentHash }) => {
    network.invoices.cancel(node, paymentHash);
    return null;
  },
  settleHeld: ({ network, node }, { preimage }) => {
    network.invoices.settleHeld(node, preimage);
    return null;
  },
  settledAfter: ({ network, node }, { number, limit }) =>
    network.invoices.settledAfter(node, number, limit ?? DEFAULT_SETTLEMENTS).map(toSettlement),
  settledHead: ({ network, node }) => network.invoices.settledHead(node),

  pay: (context, { timeoutMs, ...order }) => outcomeOf(context, context.network.pay(context.node, order).paymentHash, timeoutMs),
  keysend: (context, { timeoutMs, ...order }) => outcomeOf(context, context.network.keysend(context.node, order).paymentHash, timeoutMs),
  lookupPayment: ({ network, node }, { paymentHash }) => {
    const payment = network.payments.find(node, paymentHash);
    return payment === undefined ? null : toOutcome(network, payment);
  },
  listPayments: ({ network, node }, request) =>
    toPage(
      (after, limit) => network.payments.list(node, after, limit),
      numbers(request),
      (payment) => toPayment(network, payment),
    ),

  connectPeer: ({ network, node }, { nodeId, port, persistent }) => {
    network.peers.connect(node, nodeId, port, persistent ?? false);
    return null;
  },
  listPeers: ({ network, node }) => {
    const peers = network.peers.of(node).filter(({ connected, persistent }) => connected || persistent);
    return peers.map((peer) => toPeer(network, node, peer));
  },
  disconnectPeer: ({ network, node }, { nodeId }) => {
    network.peers.disconnect(node, nodeId);
    return null;
  },

  openChannel: ({ network, node }, request) => {
    const { outpoint } = network.channels.open({
      from: node,
      to: peerName(network, request.peer),
      capacityMsat: request.localFundingMsat,
      pushMsat: request.pushMsat ?? msat(0),
      private: request.private ?? false,
      feeRateSatPerVbyte: request.feeRateSatPerVbyte,
    });
    return { outpoint };
  },
  listChannels: ({ network, node }, { state }) =>
    network.channels
      .of(node)
      .map((channel) => toChannel(network, node, channel))
      .filter((channel) => (state === undefined ? channel.state !== 'closed' : channel.state === state)),
  closeChannel: ({ network, node }, { channel, force, feeRateSatPerVbyte }) => ({
    stage: 'closing',
    txId: network.channels.close(node, channel, force ?? false, feeRateSatPerVbyte),
  }),
  setPolicy: ({ network, node }, { channel, policy }) => {
    network.channels.setPolicy(node, channel, policy);
    return null;
  },
  policy: ({ network, node }, { channel }) => network.policy(node, channel),
  balances: ({ network, node }) => {
    const channels = network.channels.of(node);
    const of = (state: 'open' | 'pending') =>
      channels.filter((channel) => channel.state === state).map((channel) => toChannel(network, node, channel));
    return {
      localMsat: total(of('open').map(({ localMsat }) => localMsat)),
      remoteMsat: total(of('open').map(({ remoteMsat }) => remoteMsat)),
      pendingLocalMsat: total(of('pending').map(({ localMsat }) => localMsat)),
    };
  },
  forwards: ({ network, node }, request) => toPage((after, limit) => network.forwards(node, after, limit), numbers(request), toForward),
  rebalance: (context, request) => outcomeOf(context, context.network.rebalance(context.node, request).paymentHash),

  newAddress: ({ network, node }) => network.chain.newAddress(node),
  walletBalance: ({ network, node }) => ({
    confirmedMsat: network.nodes.need(node).walletMsat,
    unconfirmedMsat: network.chain.incomingMsat(node),
  }),
  transactions: ({ network, node }, request) =>
    toPage(
      (after, limit) => network.transactions(node).slice(after, after + limit),
      numbers(request),
      (transaction) => toTransaction(network, node, transaction),
    ),
  send: ({ network, node }, { address, amountMsat, feeRateSatPerVbyte }) => ({
    txId: network.chain.send(node, address, amountMsat, feeRateSatPerVbyte),
  }),
};

function numbers({ after, limit }: PageRequest): PageNumbers {
  return { after: Number(after ?? 0), limit: limit ?? DEFAULT_PAGE };
}

function peerName(network: SimulatedNetwork, id: NodeId): string {
  const peer = network.nodes.byId(id);
  if (peer === undefined) throw failure('NOT_FOUND', 'openChannel', 'the peer is not connected');
  return peer.name;
}

/** A page of one state: the position is that of the last invoice looked at, whatever its state. */
function invoicesOfState(
  network: SimulatedNetwork,
  node: string,
  request: PageNumbers & { readonly state: string },
): NodeCalls['listInvoices']['result'] {
  const items = [];
  let after = request.after;
  for (;;) {
    const batch = network.invoices.list(node, after, DEFAULT_SETTLEMENTS);
    for (const invoice of batch) {
      const view = toInvoice(network, invoice);
      if (view.state === request.state) {
        if (items.length === request.limit) return { items, next: String(after) };
        items.push(view);
      }
      after = invoice.addNumber;
    }
    if (batch.length < DEFAULT_SETTLEMENTS) return { items, next: undefined };
  }
}

/** Waits for a payment's end, up to a time; then it is pending. A caller who goes away changes nothing for the payment. */
async function outcomeOf(context: NodeContext, hash: PaymentHash, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<PaymentOutcome> {
  const { network, node, clock, signal } = context;
  const now = (): PaymentOutcome => {
    const payment = network.payments.find(node, hash);
    if (payment === undefined) throw new Error(`payment ${hash} is gone`);
    return toOutcome(network, payment);
  };
  const first = now();
  if (first.status !== 'pending' || timeoutMs === 0 || signal?.aborted === true) return first;
  return await new Promise((resolve) => {
    const end = () => {
      unsubscribe();
      timer[Symbol.dispose]();
      signal?.removeEventListener('abort', end);
      resolve(now());
    };
    const timer = clock.setTimer(timeoutMs, end);
    const unsubscribe = network.subscribe((event) => {
      if (event.kind === 'payment' && event.node === node && event.paymentHash === hash && now().status !== 'pending') end();
    });
    signal?.addEventListener('abort', end, { once: true });
  });
}
