import { createHash } from 'node:crypto';
import { NODE_FEATURES } from './features.ts';
import { type LndNode, self, type UnaryCalls } from './node.ts';
import { type Message, secondsOf } from './values.ts';

/** The release whose answers were recorded. */
const VERSION = '0.20.1-beta';

/** The node about itself. */
export const infoCalls: UnaryCalls = {
  'lnrpc.Lightning/GetInfo': getInfo,
  'verrpc.Versioner/GetVersion': () => ({
    commit: '',
    commit_hash: '',
    version: VERSION,
    app_major: 0,
    app_minor: 20,
    app_patch: 1,
    app_pre_release: 'beta',
    build_tags: ['invoicesrpc', 'routerrpc'],
    go_version: 'go1.24',
  }),
};

async function getInfo(node: LndNode): Promise<Message> {
  // Through the node's own calls, so that one that refuses refuses this, too.
  const { blockHeight, synced } = await node.calls.call('info', {});
  const { nodeId } = self(node);
  const channels = node.network.channels.of(node.name);
  const open = channels.filter(({ state }) => state === 'open');
  const active = open.filter((channel) => node.network.channels.usable(channel));
  return {
    version: `${VERSION} commit=`,
    commit_hash: '',
    identity_pubkey: nodeId,
    alias: node.name,
    color: '#3399ff',
    num_pending_channels: channels.filter(({ state }) => state === 'pending').length,
    num_active_channels: active.length,
    num_inactive_channels: open.length - active.length,
    num_peers: node.network.peers.of(node.name).filter(({ connected }) => connected).length,
    block_height: blockHeight,
    block_hash: blockHash(blockHeight),
    best_header_timestamp: secondsOf(node.network.now()),
    synced_to_chain: synced,
    synced_to_graph: true,
    testnet: false,
    chains: [{ chain: 'bitcoin', network: 'regtest' }],
    uris: [],
    features: NODE_FEATURES,
    require_htlc_interceptor: false,
    store_final_htlc_resolutions: false,
  };
}

/** The simulated chain's blocks have no hash: one that belongs to the height. */
export function blockHash(height: number): string {
  return createHash('sha256').update(`block ${height}`).digest('hex');
}
