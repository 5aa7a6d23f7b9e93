import type { AdapterDependencies } from '../src/adapters/shared/definition.ts';
import { systemClock, systemRandom } from '../src/app/system.ts';
import type { NodeIdentity } from '../src/core/lightning/backend.ts';
import type { Settlement } from '../src/core/lightning/settlement.ts';
import { silentLogger } from '../src/core/ports/logger.ts';
import type { ObservedSettlement, SettlementLog } from '../src/core/ports/settlement-log.ts';
import { MemoryIntents } from '../test/support/memory-intents.ts';

/** What an adapter is handed, with memory in place of the ledger: enough for a network's own backends and for trying a node. */
export function memoryDependencies(): AdapterDependencies {
  return {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    intents: new MemoryIntents(),
    settlementLog: new MemorySettlementLog(),
  };
}

const keyOf = (node: NodeIdentity): string => `${node.network} ${node.nodeId}`;

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
