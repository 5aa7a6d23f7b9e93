import { isLightningError } from '../../../src/core/lightning/errors.ts';
import { type NodeId, nodeId } from '../../../src/core/lightning/identifiers.ts';
import { PEER_FEATURES } from './features.ts';
import { GrpcFailure } from './grpc-failure.ts';
import { type LndNode, self, type UnaryCalls } from './node.ts';
import type { Message } from './values.ts';

const DEFAULT_PORT = 9735;

/** Connections to other nodes. */
export const peerCalls: UnaryCalls = {
  'lnrpc.Lightning/ConnectPeer': connectPeer,
  'lnrpc.Lightning/DisconnectPeer': disconnectPeer,
  'lnrpc.Lightning/ListPeers': listPeers,
};

type Address = { readonly pubkey: string; readonly host: string };

async function connectPeer(node: LndNode, request: { readonly addr: Address | null; readonly perm: boolean }): Promise<Message> {
  if (request.addr === null) throw new GrpcFailure('need: lnc pubkeyhash@hostname');
  const { pubkey, host: address } = request.addr;
  const peer = publicKey(pubkey);
  if (peer === self(node).nodeId) throw new GrpcFailure('cannot make connection to self');
  const { host, port } = hostAndPort(address);
  const initiated = { status: `connection to ${pubkey}@${host}:${port} initiated` };
  const known = node.network.nodes.byId(peer);
  if (known !== undefined && node.network.peers.connected(node.name, known.name)) {
    throw new GrpcFailure(`already connected to peer: ${pubkey}@${host}:${port}`);
  }
  try {
    await node.calls.call('connectPeer', { nodeId: peer, port, persistent: request.perm });
  } catch (error) {
    if (!isLightningError(error, 'UNAVAILABLE')) throw error;
    // One that is to last is dialled for ever, and said to be initiated.
    if (!request.perm) throw new GrpcFailure(whyNot(node, port, host));
    node.dialled.set(peer, port);
  }
  return initiated;
}

/** Tries again to reach the peers that are to last; told when a node of the network has started. */
export async function redial(node: LndNode): Promise<void> {
  for (const [peer, port] of [...node.dialled]) {
    try {
      await node.calls.call('connectPeer', { nodeId: peer, port, persistent: true });
      node.dialled.delete(peer);
    } catch (error) {
      if (!isLightningError(error)) throw error;
    }
  }
}

/** Somebody else at the port ends the handshake; a port with nobody refuses. */
function whyNot(node: LndNode, port: number, host: string): string {
  const somebody = node.network.nodes.list().some((other) => other.online && other.port === port);
  return somebody ? 'EOF' : `dial tcp ${host}:${port}: connect: connection refused`;
}

async function disconnectPeer(node: LndNode, { pub_key: key }: { readonly pub_key: string }): Promise<Message> {
  const id = publicKey(key);
  const peer = node.network.nodes.byId(id);
  const channels = node.network.channels
    .of(node.name)
    .filter((channel) => channel.state !== 'closed' && [channel.a, channel.b].includes(peer?.name ?? ''));
  if (channels.length > 0) throw new GrpcFailure(`cannot disconnect from peer(${key}), still has ${channels.length} active channels`);
  if (peer === undefined || !node.network.peers.connected(node.name, peer.name)) {
    throw new GrpcFailure(`unable to disconnect peer: peer ${key} is not connected`);
  }
  node.dialled.delete(id);
  await node.calls.call('disconnectPeer', { nodeId: id });
  return { status: 'disconnect initiated' };
}

async function listPeers(node: LndNode): Promise<Message> {
  const peers = await node.calls.call('listPeers', {});
  return {
    peers: peers
      .filter(({ connected }) => connected)
      .map((peer) => ({
        pub_key: peer.nodeId,
        address: peer.address ?? '',
        bytes_sent: '0',
        bytes_recv: '0',
        sat_sent: '0',
        sat_recv: '0',
        inbound: peer.inbound ?? false,
        ping_time: '-1',
        sync_type: 'ACTIVE_SYNC',
        features: PEER_FEATURES,
        errors: [],
        flap_count: 1,
        last_flap_ns: '0',
        last_ping_payload: Buffer.alloc(0),
      })),
  };
}

function publicKey(text: string): NodeId {
  if (!/^0[23][0-9a-f]{64}$/.test(text)) throw new GrpcFailure(`malformed public key: invalid length: ${text.length / 2}`);
  return nodeId(text);
}

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const [, host = address, port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(address) ?? [];
  return { host, port: port === undefined ? DEFAULT_PORT : Number(port) };
}
