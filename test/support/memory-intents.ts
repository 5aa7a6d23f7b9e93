import type { NodeIdentity } from '../../src/core/lightning/backend.ts';
import type { PaymentHash } from '../../src/core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../src/core/lightning/payment.ts';
import type { PaymentIntent, PaymentIntents } from '../../src/core/ports/payment-intents.ts';

/** Payment intents that live as long as the object; hand the same one to two backends to play a restart. */
export class MemoryIntents implements PaymentIntents {
  readonly #intents = new Map<string, PaymentIntent>();

  async find(node: NodeIdentity, hash: PaymentHash): Promise<PaymentIntent | undefined> {
    return this.#intents.get(keyOf(node, hash));
  }

  async findKeysend(node: NodeIdentity, key: string): Promise<PaymentIntent | undefined> {
    for (const intent of this.#intents.values()) {
      if (intent.keysend?.key === key && intent.node.network === node.network && intent.node.nodeId === node.nodeId) return intent;
    }
    return undefined;
  }

  async begin(intent: Omit<PaymentIntent, 'attempts' | 'outcome'>): Promise<{ readonly begun: boolean; readonly intent: PaymentIntent }> {
    const key = keyOf(intent.node, intent.paymentHash);
    const known = this.#intents.get(key);
    if (known !== undefined && known.outcome?.status !== 'failed') return { begun: false, intent: known };
    const begun: PaymentIntent = { ...intent, attempts: (known?.attempts ?? 0) + 1, outcome: undefined };
    this.#intents.set(key, begun);
    return { begun: true, intent: begun };
  }

  async record(node: NodeIdentity, hash: PaymentHash, outcome: PaymentOutcome): Promise<void> {
    const known = this.#intents.get(keyOf(node, hash));
    if (known === undefined || known.outcome?.status === 'settled') return;
    this.#intents.set(keyOf(node, hash), { ...known, outcome });
  }
}

function keyOf(node: NodeIdentity, hash: PaymentHash): string {
  return `${node.network} ${node.nodeId} ${hash}`;
}
