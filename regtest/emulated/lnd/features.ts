import type { Message } from './values.ts';

const NAMES: Readonly<Record<number, string>> = {
  0: 'data-loss-protect',
  5: 'upfront-shutdown-script',
  7: 'gossip-queries',
  8: 'tlv-onion',
  12: 'static-remote-key',
  14: 'payment-addr',
  17: 'multi-path-payments',
  23: 'anchors-zero-fee-htlc-tx',
  25: 'route-blinding',
  27: 'shutdown-any-segwit',
  30: 'amp',
  31: 'amp',
  35: 'quiescence',
  45: 'explicit-commitment-type',
  55: 'keysend',
  261: 'endorsement-x',
  2023: 'script-enforced-lease',
};

const NODE = Object.keys(NAMES).map(Number);

/** Feature bits as lnd tells them; an even bit is required (BOLT 9). */
function features(bits: readonly number[]): Message {
  return Object.fromEntries(
    bits.map((bit) => [bit, { name: NAMES[bit] ?? 'unknown', is_required: bit % 2 === 0, is_known: bit in NAMES }]),
  );
}

/** The features of a node about itself. */
export const NODE_FEATURES: Message = features(NODE);
/** The features of a peer, as it announces them to us. */
export const PEER_FEATURES: Message = features(NODE.filter((bit) => bit !== 30 && bit !== 55 && bit !== 261));
/** The features in an invoice. */
export const INVOICE_FEATURES: Message = features([8, 14, 17, 25]);
