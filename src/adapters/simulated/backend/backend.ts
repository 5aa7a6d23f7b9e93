import type { LightningBackend, Node, NodeIdentity } from '../../../core/lightning/backend.ts';
import type { ChannelState, Channels, Peers } from '../../../core/lightning/channel.ts';
import { idempotentPayments } from '../../../core/lightning/idempotent-payments.ts';
import type { Invoices } from '../../../core/lightning/invoice.ts';
import type { PaymentOutcome, Payments } from '../../../core/lightning/payment.ts';
import type { Wallet } from '../../../core/lightning/wallet.ts';
import type { AdapterDependencies } from '../../shared/definition.ts';
import type { SimulatedNode } from '../gateway/calls.ts';
import { simulatedCapabilities } from './capabilities.ts';
import { closeChannel } from './close.ts';
import { toCursor } from './cursor.ts';
import { simulatedPaymentDriver } from './payment-driver.ts';
import { followSettlements } from './settlements.ts';

/** What the backend is handed of what every adapter is. */
export type BackendDependencies = Pick<AdapterDependencies, 'clock' | 'random' | 'logger' | 'intents'>;

/** The Lightning port over one node of a simulated network, in this process or behind a socket. Disposes of the node with it. */
export function simulatedBackend(node: SimulatedNode, dependencies: BackendDependencies): LightningBackend {
  const closed = new AbortController();
  const self = nodeService(node);
  return {
    kind: 'simulated',
    capabilities: simulatedCapabilities,
    node: self,
    invoices: invoicesService(node, dependencies, closed.signal),
    payments: paymentsService(node, self, dependencies),
    peers: peersService(node),
    channels: channelsService(node, dependencies),
    wallet: walletService(node),
    [Symbol.asyncDispose]: async () => {
      closed.abort();
      await node[Symbol.asyncDispose]();
    },
  };
}

function nodeService(node: SimulatedNode): Node {
  let known: NodeIdentity | undefined;
  return {
    info: async (options) => await node.call('info', {}, options),
    identity: async (options) => {
      if (known === undefined) {
        const { network, nodeId } = await node.call('info', {}, options);
        known = { network, nodeId };
      }
      return known;
    },
  };
}

function invoicesService(node: SimulatedNode, { clock, logger }: BackendDependencies, closed: AbortSignal): Invoices {
  return {
    create: async (request, options) => await node.call('createInvoice', request, options),
    lookup: async (paymentHash, options) => (await node.call('lookupInvoice', { paymentHash }, options)) ?? undefined,
    list: async (request = {}, options) => await node.call('listInvoices', request, options),
    cancel: async (paymentHash, options) => void (await node.call('cancelInvoice', { paymentHash }, options)),
    settleHeld: async (preimage, options) => void (await node.call('settleHeld', { preimage }, options)),
    settlements: (options = {}) => followSettlements({ node, clock, logger, closed }, options),
    settlementsHead: async (options) => toCursor(await node.call('settledHead', {}, options)),
  };
}

/** The node is asked who it is before each payment until it has answered once. */
function paymentsService(node: SimulatedNode, self: Node, { intents, clock, random }: BackendDependencies): Payments {
  return idempotentPayments(simulatedPaymentDriver(node), { identity: () => self.identity(), intents, clock, random });
}

function peersService(node: SimulatedNode): Peers {
  return {
    connect: async ({ nodeId, port, persistent }, options) =>
      void (await node.call('connectPeer', { nodeId, port, persistent: persistent ?? false }, options)),
    list: async (options) => await node.call('listPeers', {}, options),
    disconnect: async (nodeId, options) => void (await node.call('disconnectPeer', { nodeId }, options)),
  };
}

function channelsService(node: SimulatedNode, { clock }: BackendDependencies): Channels {
  return {
    open: async (request, options) => await node.call('openChannel', request, options),
    list: async (filter: { readonly state?: ChannelState } = {}, options) => await node.call('listChannels', filter, options),
    close: (channel, request = {}, options = {}) => closeChannel(node, clock, channel, request, options),
    setPolicy: async (channel, policy, options) => void (await node.call('setPolicy', { channel, policy }, options)),
    policy: async (channel, options) => await node.call('policy', { channel }, options),
    balances: async (options) => await node.call('balances', {}, options),
    forwards: async (request = {}, options) => await node.call('forwards', request, options),
    rebalance: async (request, options): Promise<PaymentOutcome> => await node.call('rebalance', request, options),
  };
}

function walletService(node: SimulatedNode): Wallet {
  return {
    newAddress: async (options) => await node.call('newAddress', {}, options),
    balance: async (options) => await node.call('walletBalance', {}, options),
    transactions: async (request = {}, options) => await node.call('transactions', request, options),
    send: async (request, options) => await node.call('send', request, options),
  };
}
