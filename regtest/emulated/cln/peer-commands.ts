import { isLightningError } from '../../../src/core/lightning/errors.ts';
import type { NodeId } from '../../../src/core/lightning/identifiers.ts';
import { channelsOf } from '../shared/channels-of.ts';
import { isOver } from './channel-view.ts';
import { type Commands, command } from './command.ts';
import type { ClnContext } from './context.ts';
import type { Params } from './params.ts';
import { CODE, Refusal } from './refusal.ts';

/** What a peer offers (BOLT 9), as lightningd prints it. */
const FEATURES = '20088a8a51a1';

/** Connections to other nodes. */
export function peerCommands(context: ClnContext): Commands {
  const { network, name } = context;
  return {
    connect: command('id [host] [port]', (params) => connect(context, params)),
    disconnect: command('id [force]', async (params) => {
      const id = params.nodeId('id') as NodeId;
      const peer = network.nodes.byId(id);
      if (peer === undefined || !network.peers.connected(name, peer.name)) throw new Refusal(CODE.invalidParams, `Unknown peer '${id}'`);
      try {
        await context.node.call('disconnectPeer', { nodeId: id });
      } catch (error) {
        if (!isLightningError(error, 'CONFLICT')) throw error;
        throw new Refusal(CODE.generic, 'Peer has (at least one) channel in state CHANNELD_NORMAL');
      }
      return {};
    }),
    listpeers: command('[id] [level]', (params) => {
      const wanted = params.has('id') ? params.nodeId('id') : undefined;
      const open = channelsOf(network, name).filter((channel) => !isOver(context, channel));
      const peers = network.peers.of(name).map((record) => {
        const peer = network.nodes.need(record.from === name ? record.to : record.from);
        const numChannels = open.filter((channel) => channel.peer.name === peer.name).length;
        const here = record.connected && { netaddr: [network.nodes.address(peer)], features: FEATURES };
        return { id: peer.nodeId, connected: record.connected, num_channels: numChannels, ...here };
      });
      return {
        peers: peers.filter(
          ({ id, connected, num_channels: count }) => (wanted === undefined || id === wanted) && (connected || count > 0),
        ),
      };
    }),
  };
}

async function connect(context: ClnContext, params: Params): Promise<unknown> {
  const [text = '', place] = params.text('id').split('@');
  if (!/^0[23][0-9a-f]{64}$/i.test(text)) throw new Refusal(CODE.invalidParams, `id: should be a node id: invalid token '"${text}"'`);
  const id = text.toLowerCase() as NodeId;
  const host = params.optionalText('host') ?? place?.slice(0, place.lastIndexOf(':'));
  const port = params.number('port') ?? Number(place?.slice(place.lastIndexOf(':') + 1) ?? 9735);
  const peer = context.network.nodes.byId(id);
  if (host === undefined) {
    const known = peer !== undefined && context.network.peers.connected(context.name, peer.name);
    if (!known) throw new Refusal(400, 'Unable to connect, no address known for peer', { id, method: 'connect' });
    return answer(id, '127.0.0.1', peer.port);
  }
  try {
    await context.node.call('connectPeer', { nodeId: id, port });
  } catch (error) {
    if (!isLightningError(error, 'UNAVAILABLE') && !isLightningError(error, 'REJECTED')) throw error;
    throw new Refusal(401, `All addresses failed: ${host}:${port}: Connection establishment: Connection refused. `);
  }
  return answer(id, host, port);
}

function answer(id: string, address: string, port: number): unknown {
  return { id, features: FEATURES, direction: 'out', address: { type: 'ipv4', address, port } };
}
