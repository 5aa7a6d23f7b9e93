import type { NodeIdentity } from '../../src/core/lightning/backend.ts';
import type { PaymentHash } from '../../src/core/lightning/identifiers.ts';
import type { PaymentIntent, PaymentIntents } from '../../src/core/ports/payment-intents.ts';

/** A memory of payments that outlives a backend object but not the process: what a case hands from one backend to the next. */
export function memoryIntents(): PaymentIntents {
  const intents = new Map<string, PaymentIntent>();
  const keyOf = (node: NodeIdentity, hash: PaymentHash) => `${node.network} ${node.nodeId} ${hash}`;
  return {
    async find(node, hash) {
      return intents.get(keyOf(node, hash));
    },
    async findKeysend(node, key) {
      return [...intents.values()].find((each) => each.keysend?.key === key && each.node.nodeId === node.nodeId);
    },
    async begin(intended) {
      const key = keyOf(intended.node, intended.paymentHash);
      const earlier = intents.get(key);
      if (earlier !== undefined && earlier.outcome?.status !== 'failed') return { begun: false, intent: earlier };
      const intent: PaymentIntent = { ...intended, attempts: (earlier?.attempts ?? 0) + 1, outcome: undefined };
      intents.set(key, intent);
      return { begun: true, intent };
    },
    async record(node, hash, outcome) {
      const intent = intents.get(keyOf(node, hash));
      if (intent !== undefined && intent.outcome?.status !== 'settled') intents.set(keyOf(node, hash), { ...intent, outcome });
    },
  };
}
