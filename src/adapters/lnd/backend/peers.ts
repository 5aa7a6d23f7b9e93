import type { Peer, PeerAddress, Peers } from '../../../core/lightning/channel.ts';
import type { CallOptions } from '../../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import { type NodeId, nodeId } from '../../../core/lightning/identifiers.ts';
import { nothing } from '../schema/invoice.ts';
import { lndPeers } from '../schema/node.ts';
import type { LndContext } from './context.ts';

const CONNECT = 'peers.connect';
const CONNECT_SECONDS = 10;
const POLL_MS = 100;
const UNREACHABLE = /refused|timeout|timed out|no route to host|unreachable|no such host|lookup|dial|deadline/i;

/** Connections of lnd to other nodes. lnd keeps up those to peers with channels by itself, also without `persistent`. */
export class LndPeers implements Peers {
  readonly #context: LndContext;

  constructor(context: LndContext) {
    this.#context = context;
  }

  async connect(address: PeerAddress & { readonly persistent?: boolean }, options: CallOptions = {}): Promise<void> {
    const { nodeId: peer, host, port, persistent = false } = address;
    const addr = { pubkey: peer, host: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` };
    try {
      await this.#context.client.unary(
        {
          operation: CONNECT,
          service: 'default',
          method: 'connectPeer',
          request: { addr, perm: persistent, timeout: String(CONNECT_SECONDS) },
          schema: nothing,
        },
        options,
      );
    } catch (error) {
      if (isLightningError(error, 'ALREADY_EXISTS')) return;
      throw error instanceof LightningError ? unreachable(error) : error;
    }
    await this.#untilConnected(peer, options);
  }

  async list(options: CallOptions = {}): Promise<readonly Peer[]> {
    const { peers } = await this.#context.client.unary(
      { operation: 'peers.list', service: 'default', method: 'listPeers', request: {}, schema: lndPeers },
      options,
    );
    return peers.map(({ pub_key, address, inbound }) => ({
      nodeId: nodeId(pub_key),
      connected: true,
      address: address === '' ? undefined : address,
      inbound,
    }));
  }

  async disconnect(peer: NodeId, options: CallOptions = {}): Promise<void> {
    try {
      await this.#context.client.unary(
        { operation: 'peers.disconnect', service: 'default', method: 'disconnectPeer', request: { pub_key: peer }, schema: nothing },
        options,
      );
    } catch (error) {
      if (!isLightningError(error, 'NOT_FOUND')) throw error;
    }
  }

  /** lnd answers a persistent request at once, and any other a moment before the peer is listed. */
  async #untilConnected(peer: NodeId, options: CallOptions): Promise<void> {
    const { clock } = this.#context;
    const deadline = clock.now() + CONNECT_SECONDS * 1000;
    for (;;) {
      const peers = await this.list(options);
      if (peers.some((listed) => listed.nodeId === peer)) return;
      if (clock.now() > deadline)
        throw new LightningError('UNAVAILABLE', 'the peer has not answered; lnd keeps trying if asked to', { operation: CONNECT });
      await clock.sleep(POLL_MS);
    }
  }
}

function unreachable(error: LightningError): LightningError {
  if (error.code === 'UNAVAILABLE' || error.code === 'UNAUTHENTICATED' || error.code === 'ABORTED' || error.code === 'WRONG_NETWORK')
    return error;
  const code = UNREACHABLE.test(error.message) ? 'UNAVAILABLE' : error.code === 'INVALID_ARGUMENT' ? 'INVALID_ARGUMENT' : 'REJECTED';
  return new LightningError(code, `can't connect to the peer: ${error.message}`, { operation: CONNECT, context: error.context });
}
