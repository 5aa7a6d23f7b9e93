import type { Node, NodeIdentity, NodeInfo } from '../../core/lightning/backend.ts';
import type { CallOptions } from '../../core/lightning/common.ts';
import { nodeId } from '../../core/lightning/identifiers.ts';
import { networkNamed } from '../shared/network.ts';
import type { EclairClient } from './client.ts';
import { type GetInfo, getInfoSchema } from './schema.ts';

/** eclair about itself. */
export class EclairNode implements Node {
  readonly #client: EclairClient;

  constructor(client: EclairClient) {
    this.#client = client;
  }

  async info(options: CallOptions = {}): Promise<NodeInfo> {
    const operation = 'node.info';
    await this.#client.reached(operation, options.signal);
    return toNodeInfo(await this.#client.call('/getinfo', {}, { ...options, operation, schema: getInfoSchema, readOnly: true }));
  }

  identity(options: CallOptions = {}): Promise<NodeIdentity> {
    return this.#client.identity(options.signal);
  }
}

/** `getinfo` as the port has it. eclair only starts its API when it has caught up with the chain. */
export function toNodeInfo(info: GetInfo): NodeInfo {
  const id = nodeId(info.nodeId);
  return {
    nodeId: id,
    network: networkNamed(info.network, 'node.info'),
    alias: info.alias,
    version: info.version,
    blockHeight: info.blockHeight,
    synced: info.blockHeight > 0,
    uris: info.publicAddresses.map((address) => `${id}@${address}`),
  };
}
