import type { Peer, PeerAddress, Peers } from '../../core/lightning/channel.ts';
import type { CallOptions } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import type { NodeId } from '../../core/lightning/identifiers.ts';
import { invalid } from '../shared/limits.ts';
import type { ClnClient } from './client.ts';
import { toPeer } from './mapping-channels.ts';
import { isRefusal, refusal } from './rpc-error.ts';
import { anythingSchema } from './schema.ts';
import { type ClnPeer, listPeersSchema } from './schema-channels.ts';

const CONNECT_TIMEOUT_MS = 90_000;

/** Peers of lightningd. It reconnects to those with channels by itself, and to no others. */
export class ClnPeers implements Peers {
  readonly #client: ClnClient;

  constructor(client: ClnClient) {
    this.#client = client;
  }

  async connect(address: PeerAddress & { readonly persistent?: boolean }, options: CallOptions = {}): Promise<void> {
    const operation = 'peers.connect';
    if (!Number.isInteger(address.port) || address.port < 1 || address.port > 65_535)
      throw invalid(operation, 'a port is a number from 1 to 65535');
    const params = { id: address.nodeId, host: address.host, port: address.port };
    await this.#client.call('connect', params, {
      ...options,
      operation,
      schema: anythingSchema,
      timeoutMs: CONNECT_TIMEOUT_MS,
      readOnly: true,
    });
  }

  async list(options: CallOptions = {}): Promise<readonly Peer[]> {
    return (await this.#list({}, 'peers.list', options)).map(toPeer);
  }

  async disconnect(peer: NodeId, options: CallOptions = {}): Promise<void> {
    const operation = 'peers.disconnect';
    const before = (await this.#list({ id: peer }, operation, options))[0];
    if (before?.connected !== true) return;
    try {
      await this.#client.call('disconnect', { id: peer }, { ...options, operation, schema: anythingSchema, rawRefusal: true });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const after = (await this.#list({ id: peer }, operation, options))[0];
      if (after?.connected !== true) return;
      if (after.num_channels > 0)
        throw new LightningError('CONFLICT', `channels with this peer forbid it: ${error.message}`, { operation, cause: error });
      throw refusal(error, operation);
    }
  }

  async #list(params: Readonly<Record<string, unknown>>, operation: string, options: CallOptions): Promise<readonly ClnPeer[]> {
    const { peers } = await this.#client.call('listpeers', params, { ...options, operation, schema: listPeersSchema, readOnly: true });
    return peers;
  }
}
