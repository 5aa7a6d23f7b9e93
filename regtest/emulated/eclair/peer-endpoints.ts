import { isLightningError } from '../../../src/core/lightning/errors.ts';
import type { NodeId } from '../../../src/core/lightning/identifiers.ts';
import { channelsOf } from '../shared/channels-of.ts';
import { stateOf } from './channel-state.ts';
import type { EclairContext, Endpoints } from './context.ts';
import type { Form } from './form.ts';
import { ApiRefusal, malformed } from './refusal.ts';

const DEFAULT_PORT = 9735;

/** Connections to other nodes. */
export function peerEndpoints(context: EclairContext): Endpoints {
  const { network, name } = context;
  return {
    connect: (form) => connect(context, form),
    disconnect: async (form) => {
      const id = form.nodeId('nodeId') as NodeId;
      const peer = network.nodes.byId(id);
      if (peer === undefined || !network.peers.connected(name, peer.name)) throw new ApiRefusal(500, `peer ${id} not found`);
      await context.node.call('disconnectPeer', { nodeId: id }).catch((error) => {
        // eclair hangs up whether there is a channel or not, and connects again by itself: nothing of it is seen afterwards.
        if (!isLightningError(error, 'CONFLICT')) throw error;
      });
      return `peer ${id} disconnecting`;
    },
    peers: () => {
      const open = channelsOf(network, name).filter((channel) => stateOf(context, channel) !== 'CLOSED');
      const peers = network.peers.of(name).map((record) => {
        const peer = network.nodes.need(record.from === name ? record.to : record.from);
        const channels = open.filter((channel) => channel.peer.name === peer.name).length;
        const here = record.connected ? { state: 'CONNECTED', address: network.nodes.address(peer) } : { state: 'DISCONNECTED' };
        return { nodeId: peer.nodeId, ...here, channels };
      });
      return peers.filter(({ state, channels }) => state === 'CONNECTED' || channels > 0);
    },
  };
}

/** `connect`: whatever comes of it is a text with status 200. */
async function connect(context: EclairContext, form: Form): Promise<string> {
  const { nodeId, host, port } = target(form);
  const peer = context.network.nodes.byId(nodeId);
  if (peer !== undefined && context.network.peers.connected(context.name, peer.name)) return 'already connected';
  if (host === undefined) return 'no address found';
  try {
    await context.node.call('connectPeer', { nodeId, port });
    return 'connected';
  } catch (error) {
    if (!isLightningError(error, 'UNAVAILABLE') && !isLightningError(error, 'REJECTED')) throw error;
    return `connection failed to ${host}:${port}`;
  }
}

function target(form: Form): { readonly nodeId: NodeId; readonly host: string | undefined; readonly port: number } {
  if (!form.has('uri')) {
    return { nodeId: form.nodeId('nodeId') as NodeId, host: form.optionalText('host'), port: form.optionalNumber('port') ?? DEFAULT_PORT };
  }
  const [, id, host, port] = /^(0[23][0-9a-f]{64})@(.+?)(?::(\d{1,5}))?$/i.exec(form.text('uri')) ?? [];
  if (id === undefined || host === undefined) throw malformed('uri', 'Invalid uri, should be nodeId@host:port');
  return { nodeId: id.toLowerCase() as NodeId, host, port: port === undefined ? DEFAULT_PORT : Number(port) };
}
