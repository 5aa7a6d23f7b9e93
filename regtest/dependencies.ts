import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterDependencies } from '../src/adapters/shared/definition.ts';
import type { NodeIdentity } from '../src/core/lightning/backend.ts';
import type { PaymentHash } from '../src/core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../src/core/lightning/payment.ts';
import type { Settlement } from '../src/core/lightning/settlement.ts';
import type { Clock } from '../src/core/ports/clock.ts';
import { silentLogger } from '../src/core/ports/logger.ts';
import type { PaymentIntent, PaymentIntents } from '../src/core/ports/payment-intents.ts';
import type { ObservedSettlement, SettlementLog } from '../src/core/ports/settlement-log.ts';

/** What an adapter is handed, with memory in place of the ledger: enough for a network's own backends and for trying a node. */
export function memoryDependencies(): AdapterDependencies {
  return {
    clock: systemClock,
    random: { bytes: (length) => randomBytes(length) },
    logger: silentLogger,
    intents: new MemoryIntents(),
    settlementLog: new MemorySettlementLog(),
  };
}

const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  sleep: async (delayMs, signal) => {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
  },
};

const keyOf = (node: NodeIdentity, rest = ''): string => `${node.network} ${node.nodeId} ${rest}`;

class MemoryIntents implements PaymentIntents {
  readonly #intents = new Map<string, PaymentIntent>();

  async find(node: NodeIdentity, hash: PaymentHash): Promise<PaymentIntent | undefined> {
    return this.#intents.get(keyOf(node, hash));
  }

  async findKeysend(node: NodeIdentity, key: string): Promise<PaymentIntent | undefined> {
    return [...this.#intents.values()].find((intent) => keyOf(intent.node) === keyOf(node) && intent.keysend?.key === key);
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
    const key = keyOf(node, hash);
    const known = this.#intents.get(key);
    if (known !== undefined && known.outcome?.status !== 'settled') this.#intents.set(key, { ...known, outcome });
  }
}

class MemorySettlementLog implements SettlementLog {
  readonly #observed = new Map<string, ObservedSettlement[]>();
  readonly #checkpoints = new Map<string, string>();

  async append(node: NodeIdentity, settlements: readonly Settlement[]): Promise<readonly ObservedSettlement[]> {
    const log = this.#observed.get(keyOf(node)) ?? [];
    const fresh = settlements
      .filter(({ paymentHash }) => !log.some(({ settlement }) => settlement.paymentHash === paymentHash))
      .map((settlement, index) => ({ position: log.length + index + 1, settlement }));
    this.#observed.set(keyOf(node), [...log, ...fresh]);
    return fresh;
  }

  async after(node: NodeIdentity, position: number, limit: number): Promise<readonly ObservedSettlement[]> {
    return (this.#observed.get(keyOf(node)) ?? []).slice(position, position + limit);
  }

  async head(node: NodeIdentity): Promise<number> {
    return this.#observed.get(keyOf(node))?.length ?? 0;
  }

  async checkpoint(node: NodeIdentity): Promise<string | undefined> {
    return this.#checkpoints.get(keyOf(node));
  }

  async saveCheckpoint(node: NodeIdentity, checkpoint: string): Promise<void> {
    this.#checkpoints.set(keyOf(node), checkpoint);
  }
}
