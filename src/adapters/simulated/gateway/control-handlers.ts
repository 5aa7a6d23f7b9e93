import { msat } from '../../../core/lightning/amount.ts';
import type { SimulatedNetwork } from '../network/network.ts';
import type { NodeRecord } from '../network/records.ts';
import type { ControlCall, ControlCalls, NodeSummary } from './control-calls.ts';
import type { FaultOrder, Faults } from './faults.ts';

/** What a handler is given beside its parameters. */
export interface ControlContext {
  readonly network: SimulatedNetwork;
  readonly faults: Faults;
  /** Ends every connection and stream. */
  readonly restart: () => void;
  /** Ends those of one node. */
  readonly cutOff: (node: string) => void;
}

type Handlers = {
  readonly [M in ControlCall]: (context: ControlContext, params: ControlCalls[M]['params']) => ControlCalls[M]['result'];
};

/** Every call to the network's keeper. */
export const controlHandlers: Handlers = {
  mine: ({ network }, { blocks }) => network.chain.mine(blocks ?? 1),
  height: ({ network }) => network.chain.record.height,
  addNode: ({ network }, { name }) => summary(network.nodes.add(name)),
  nodes: ({ network }) => network.nodes.list().map(summary),
  fund: ({ network }, { node, amountMsat, confirm }) => {
    network.fund(node, amountMsat);
    if (confirm !== false) network.chain.mine(1);
    return null;
  },
  sendToAddress: ({ network }, { address, amountMsat }) => ({ txId: network.chain.sendFromMiner(address, amountMsat) }),
  transaction: ({ network }, { txId }) => {
    const transaction = network.transaction(txId);
    if (transaction === undefined) return null;
    const { kind, feeMsat, height } = transaction;
    return { txId, kind, feeMsat, confirmations: height === undefined ? 0 : network.chain.record.height - height + 1 };
  },
  openChannel: ({ network }, request) => {
    const { from, to, capacityMsat, pushMsat = msat(0), private: hidden = false } = request;
    const { outpoint } = network.openChannel({ from, to, capacityMsat, pushMsat, private: hidden });
    if (request.confirm === true) network.chain.mine(network.times.confirmations);
    return { outpoint, shortChannelId: network.channels.need(from, outpoint, 'openChannel').shortChannelId ?? null };
  },
  stopNode: ({ network }, { node }) => {
    network.stopNode(node);
    return null;
  },
  startNode: ({ network }, { node }) => {
    network.startNode(node);
    return null;
  },
  audit: ({ network }) => network.audit(),
  faults: (context, order) => {
    bringAbout(context, order);
    return null;
  },
};

function bringAbout({ network, faults, restart, cutOff }: ControlContext, order: FaultOrder): void {
  if ('node' in order) network.nodes.need(order.node);
  switch (order.kind) {
    case 'settlement-events': {
      const fault =
        order.how === 'delay'
          ? { how: order.how, delayMs: order.delayMs }
          : order.how === 'repeat'
            ? { how: order.how, times: order.times ?? 1 }
            : { how: order.how };
      return faults.settlementEvents(order.node, fault, order.count);
    }
    case 'lose-reply':
      return faults.loseReply(order.node, order.method, order.count);
    case 'refuse':
      faults.refuse(order.node, order.refuse);
      return order.refuse ? cutOff(order.node) : undefined;
    case 'refuse-connections':
      return faults.refuseConnections(order.count);
    case 'restart':
      return restart();
    case 'hop-delay':
      network.payments.hopDelayMs = order.delayMs;
      return;
    case 'accept-late':
      if (order.accept) network.receiving.acceptLate.add(order.node);
      else network.receiving.acceptLate.delete(order.node);
      return;
    case 'clear':
      faults.clear();
      network.payments.hopDelayMs = 0;
      network.receiving.acceptLate.clear();
      return;
  }
}

function summary({ name, nodeId, port, online }: NodeRecord): NodeSummary {
  return { name, nodeId, uri: `${nodeId}@127.0.0.1:${port}`, online };
}
