import type { Node, NodeIdentity, NodeInfo } from '../../core/lightning/backend.ts';
import type { CallOptions } from '../../core/lightning/common.ts';
import { nodeId } from '../../core/lightning/identifiers.ts';
import { networkNamed } from '../shared/network.ts';
import type { ClnClient } from './client.ts';
import { type ClnAddress, type GetInfo, getInfoSchema } from './schema.ts';

/** lightningd about itself. */
export class ClnNode implements Node {
  readonly #client: ClnClient;

  constructor(client: ClnClient) {
    this.#client = client;
  }

  async info(options: CallOptions = {}): Promise<NodeInfo> {
    const operation = 'node.info';
    return toNodeInfo(await this.#client.call('getinfo', {}, { ...options, operation, schema: getInfoSchema, readOnly: true }));
  }

  identity(options: CallOptions = {}): Promise<NodeIdentity> {
    return this.#client.identity(options.signal);
  }
}

/** `getinfo` as the port has it. */
export function toNodeInfo(info: GetInfo): NodeInfo {
  const id = nodeId(info.id);
  const announced = info.address.filter(hasHost);
  // A node that announces nothing can still be reached where it listens, unless that is "everywhere".
  const reachable = announced.length > 0 ? announced : info.binding.filter((bound) => hasHost(bound) && !isWildcard(bound.address));
  return {
    nodeId: id,
    network: networkNamed(info.network, 'node.info'),
    alias: info.alias,
    version: info.version,
    blockHeight: info.blockheight,
    synced: info.warning_bitcoind_sync === undefined && info.warning_lightningd_sync === undefined,
    uris: reachable.map(({ address, port }) => `${id}@${address?.includes(':') ? `[${address}]` : address}:${port}`),
  };
}

function hasHost(place: ClnAddress): boolean {
  return place.address !== undefined && place.port !== undefined && place.type !== 'websocket' && place.type !== 'local socket';
}

function isWildcard(host: string | undefined): boolean {
  return host === '0.0.0.0' || host === '::';
}
