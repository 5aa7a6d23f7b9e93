import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { allChannels } from '../shared/channels-of.ts';
import { NODE_FEATURES } from './commitments-view.ts';
import { CHAIN_HASH, type EclairContext, type Endpoints, moment } from './context.ts';
import { hexOf, updateView } from './update-view.ts';

/** The version that the recordings were made of. */
const VERSION = '0.14.0-SNAPSHOT-c24c3a7';
const MESSAGE_PREFIX = 'Lightning Signed Message:';
/** The first byte of a recoverable signature of a compressed key. */
const RECOVERY_BASE = 31;

/** eclair about itself and the network. */
export function nodeEndpoints(context: EclairContext): Endpoints {
  const { network, name } = context;
  const instanceId = context.uuid();
  return {
    getinfo: () => ({
      version: VERSION,
      nodeId: context.self.nodeId,
      alias: name,
      color: '#49daaa',
      features: NODE_FEATURES,
      chainHash: CHAIN_HASH,
      network: 'regtest',
      blockHeight: network.chain.record.height,
      publicAddresses: [network.nodes.address(context.self)],
      instanceId,
    }),
    nodes: (form) => {
      const wanted = new Set(form.list('nodeIds'));
      return network.nodes
        .list()
        .filter(({ nodeId }) => wanted.size === 0 || wanted.has(nodeId))
        .map((node) => ({
          signature: hexOf(`node ${node.nodeId}`, 64),
          features: NODE_FEATURES,
          timestamp: moment(Math.floor(context.now() / 1000) * 1000),
          nodeId: node.nodeId,
          rgbColor: '#3399ff',
          alias: node.name,
          addresses: [],
          tlvStream: {},
        }));
    },
    allupdates: () =>
      allChannels(network)
        .filter((channel) => !channel.private && channel.state === 'open')
        .flatMap((channel) => [updateView(context, channel, channel.a), updateView(context, channel, channel.b)]),
    signmessage: (form) => {
      const text = form.text('msg');
      const message = Buffer.concat([Buffer.from(MESSAGE_PREFIX), Buffer.from(text, 'base64')]);
      const digest = sha256(sha256(message));
      const signature = secp256k1.sign(digest, Buffer.from(context.self.secretKey, 'hex'), { prehash: false, format: 'recovered' });
      const withRecovery = Buffer.from(signature);
      withRecovery[0] = RECOVERY_BASE + (signature[0] ?? 0);
      return { nodeId: context.self.nodeId, message: text, signature: withRecovery.toString('hex') };
    },
  };
}
