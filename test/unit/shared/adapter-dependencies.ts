import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterDependencies } from '../../../src/adapters/shared/definition.ts';
import type { NodeIdentity } from '../../../src/core/lightning/backend.ts';
import type { Settlement } from '../../../src/core/lightning/settlement.ts';
import type { Clock } from '../../../src/core/ports/clock.ts';
import type { LogFields, Logger } from '../../../src/core/ports/logger.ts';
import type { PaymentIntent, PaymentIntents } from '../../../src/core/ports/payment-intents.ts';
import type { ObservedSettlement, SettlementLog } from '../../../src/core/ports/settlement-log.ts';

/** The machine's time. */
export const realClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  sleep: (delayMs, signal) => sleep(delayMs, undefined, signal === undefined ? {} : { signal }),
};

/** A clock that runs so many times faster than the machine's. */
export function hurriedClock(factor: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * factor,
    setTimer: (delayMs, callback) => realClock.setTimer(delayMs / factor, callback),
    sleep: (delayMs, signal) => realClock.sleep(delayMs / factor, signal),
  };
}

/** Keeps what was logged. */
export class KeepingLogger implements Logger {
  readonly lines: { readonly level: string; readonly fields: LogFields; readonly message: string }[] = [];
  debug = (fields: LogFields, message: string): void => this.#keep('debug', fields, message);
  info = (fields: LogFields, message: string): void => this.#keep('info', fields, message);
  warn = (fields: LogFields, message: string): void => this.#keep('warn', fields, message);
  error = (fields: LogFields, message: string): void => this.#keep('error', fields, message);
  child = (): Logger => this;

  #keep(level: string, fields: LogFields, message: string): void {
    this.lines.push({ level, fields, message });
  }
}

/** Intents in memory, with the rules of the port. */
export function memoryIntents(): PaymentIntents {
  const intents = new Map<string, PaymentIntent>();
  const keyOf = (node: NodeIdentity, hash: string) => `${node.network} ${node.nodeId} ${hash}`;
  return {
    find: async (node, hash) => intents.get(keyOf(node, hash)),
    findKeysend: async (node, key) =>
      [...intents.values()].find((intent) => intent.node.nodeId === node.nodeId && intent.keysend?.key === key),
    async begin(intended) {
      const key = keyOf(intended.node, intended.paymentHash);
      const earlier = intents.get(key);
      if (earlier !== undefined && earlier.outcome?.status !== 'failed') return { begun: false, intent: earlier };
      const intent: PaymentIntent = { ...intended, attempts: (earlier?.attempts ?? 0) + 1, outcome: undefined };
      intents.set(key, intent);
      return { begun: true, intent };
    },
    async record(node, hash, outcome) {
      const key = keyOf(node, hash);
      const intent = intents.get(key);
      if (intent !== undefined && intent.outcome?.status !== 'settled') intents.set(key, { ...intent, outcome });
    },
  };
}

/** A settlement log in memory, with the rules of the port. */
export function memorySettlementLog(): SettlementLog {
  const logs = new Map<string, ObservedSettlement[]>();
  const checkpoints = new Map<string, string>();
  const keyOf = (node: NodeIdentity) => `${node.network} ${node.nodeId}`;
  const logOf = (node: NodeIdentity) => {
    const log = logs.get(keyOf(node)) ?? [];
    logs.set(keyOf(node), log);
    return log;
  };
  return {
    async append(node, settlements: readonly Settlement[]) {
      const log = logOf(node);
      const fresh: ObservedSettlement[] = [];
      for (const settlement of settlements) {
        if (log.some((observed) => observed.settlement.paymentHash === settlement.paymentHash)) continue;
        const observed = { position: log.length + 1, settlement };
        log.push(observed);
        fresh.push(observed);
      }
      return fresh;
    },
    after: async (node, position, limit) => logOf(node).slice(position, position + limit),
    head: async (node) => logOf(node).length,
    checkpoint: async (node) => checkpoints.get(keyOf(node)),
    async saveCheckpoint(node, checkpoint) {
      checkpoints.set(keyOf(node), checkpoint);
    },
  };
}

/** What an adapter is handed, in memory and in real time. */
export function dependencies(parts: Partial<AdapterDependencies> = {}): AdapterDependencies & { readonly logger: KeepingLogger } {
  return {
    clock: realClock,
    random: { bytes: (length) => randomBytes(length) },
    intents: memoryIntents(),
    settlementLog: memorySettlementLog(),
    ...parts,
    logger: (parts.logger as KeepingLogger | undefined) ?? new KeepingLogger(),
  };
}

/** Waits until something is so, and fails when it does not come about. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`it did not come about: ${what}`);
    await sleep(5);
  }
}
