import type { Peer, PeerAddress, Peers } from '../../core/lightning/channel.ts';
import type { CallOptions } from '../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../core/lightning/errors.ts';
import type { NodeId } from '../../core/lightning/identifiers.ts';
import { invalid } from '../shared/limits.ts';
import { plainText } from '../shared/redact.ts';
import type { EclairClient } from './client.ts';
import { isRefusal } from './http-answer.ts';
import { toPeer } from './mapping-channels.ts';
import { anythingSchema, type EclairPeer, peersSchema, textSchema } from './schema.ts';

/** Of eclair's 30 s: a peer that is just going away never answers, and the next time it is not asked. */
const ASK_SECONDS = 5;
const TRIES = 3;
/** The two answers of `connect` that are no failure; any other text is judged by the list of peers. */
const CONNECTED: ReadonlySet<string> = new Set(['connected', 'already connected']);

/** Peers of eclair. It reconnects to those with channels by itself. */
export class EclairPeers implements Peers {
  readonly #client: EclairClient;

  constructor(client: EclairClient) {
    this.#client = client;
  }

  async connect(address: PeerAddress & { readonly persistent?: boolean }, options: CallOptions = {}): Promise<void> {
    const operation = 'peers.connect';
    if (!Number.isInteger(address.port) || address.port < 1 || address.port > 65_535)
      throw invalid(operation, 'a port is a number from 1 to 65535');
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    const form = { uri: `${address.nodeId}@${host}:${address.port}` };
    // A refused connection is a text, too, with status 200.
    const said = await this.#client.call('/connect', form, { ...options, operation, schema: textSchema });
    if (CONNECTED.has(said) || (await this.#isConnected(address.nodeId, operation, options))) return;
    throw new LightningError('UNAVAILABLE', `the peer can't be reached: ${plainText(said)}`, { operation });
  }

  async list(options: CallOptions = {}): Promise<readonly Peer[]> {
    return (await this.peers('peers.list', options)).map(toPeer);
  }

  async disconnect(peer: NodeId, options: CallOptions = {}): Promise<void> {
    const operation = 'peers.disconnect';
    try {
      await this.#client.call('/disconnect', { nodeId: peer }, { ...options, operation, schema: anythingSchema, rawRefusal: true });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (await this.#isConnected(peer, operation, options)) {
        throw new LightningError('REJECTED', `eclair keeps the connection: ${error.message}`, { operation, cause: error });
      }
    }
  }

  /** eclair's own list, asked for again when one of its peers did not answer it. */
  async peers(operation: string, options: CallOptions, most: number = TRIES): Promise<readonly EclairPeer[]> {
    const call = { ...options, operation, schema: peersSchema, readOnly: true } as const;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#client.call('/peers', { timeoutSeconds: ASK_SECONDS }, call);
      } catch (error) {
        const passing = isLightningError(error, 'INTERNAL') || isLightningError(error, 'TIMEOUT');
        if (!passing || tries >= most) throw error;
      }
    }
  }

  async #isConnected(peer: NodeId, operation: string, options: CallOptions): Promise<boolean> {
    const peers = await this.peers(operation, options, 1).catch((error) => {
      if (isLightningError(error, 'ABORTED')) throw error;
      return [];
    });
    return peers.some((one) => one.nodeId === peer && one.state === 'CONNECTED');
  }
}
