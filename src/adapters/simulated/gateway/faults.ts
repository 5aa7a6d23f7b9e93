import type { NodeCall } from './calls.ts';

/** A fault to bring about, or all of them to be taken back. Counted faults stop by themselves. */
export type FaultOrder =
  /** The next so many live settlement events of a node never leave it, are told again so many times, or come later. */
  | {
      readonly kind: 'settlement-events';
      readonly node: string;
      readonly how: 'drop' | 'repeat';
      readonly count: number;
      readonly times?: number;
    }
  | { readonly kind: 'settlement-events'; readonly node: string; readonly how: 'delay'; readonly count: number; readonly delayMs: number }
  /** The next so many calls of a method take effect, but their answer is lost with the connection. */
  | { readonly kind: 'lose-reply'; readonly node: string; readonly method: NodeCall; readonly count: number }
  /** A node's calls and streams are refused (`UNAVAILABLE`), or no longer. */
  | { readonly kind: 'refuse'; readonly node: string; readonly refuse: boolean }
  /** The next so many connections to the socket are closed at once. */
  | { readonly kind: 'refuse-connections'; readonly count: number }
  /** Every connection and stream ends now; calls go on, their answers are lost. The network itself stays. */
  | { readonly kind: 'restart' }
  /** Milliseconds that each hop of a payment takes. */
  | { readonly kind: 'hop-delay'; readonly delayMs: number }
  /** A node takes payments for invoices that ran out while the HTLCs were on their way. */
  | { readonly kind: 'accept-late'; readonly node: string; readonly accept: boolean }
  | { readonly kind: 'clear' };

/** What is to happen to one live settlement event. */
export type EventFault =
  | { readonly how: 'none' }
  | { readonly how: 'drop' }
  | { readonly how: 'repeat'; readonly times: number }
  | { readonly how: 'delay'; readonly delayMs: number };

/** The faults that are still to happen; none of them outlives the process. */
export class Faults {
  readonly #events = new Map<string, { fault: EventFault; left: number }[]>();
  readonly #lostReplies = new Map<string, number>();
  readonly #refused = new Set<string>();
  #refuseConnections = 0;

  settlementEvents(node: string, fault: EventFault, count: number): void {
    this.#events.set(node, [...(this.#events.get(node) ?? []), { fault, left: count }]);
  }

  loseReply(node: string, method: NodeCall, count: number): void {
    this.#lostReplies.set(`${node} ${method}`, count);
  }

  refuse(node: string, refuse: boolean): void {
    if (refuse) this.#refused.add(node);
    else this.#refused.delete(node);
  }

  refuseConnections(count: number): void {
    this.#refuseConnections = count;
  }

  clear(): void {
    this.#events.clear();
    this.#lostReplies.clear();
    this.#refused.clear();
    this.#refuseConnections = 0;
  }

  isRefused(node: string): boolean {
    return this.#refused.has(node);
  }

  /** Whether a connection that is made now is to be refused. */
  takeConnection(): boolean {
    if (this.#refuseConnections === 0) return false;
    this.#refuseConnections -= 1;
    return true;
  }

  /** Whether the answer of a call that was made now is to be lost. */
  takeReply(node: string, method: string): boolean {
    const left = this.#lostReplies.get(`${node} ${method}`) ?? 0;
    if (left > 0) this.#lostReplies.set(`${node} ${method}`, left - 1);
    return left > 0;
  }

  /** What is to happen to a live settlement event that goes out now. */
  takeEvent(node: string): EventFault {
    const queue = this.#events.get(node) ?? [];
    const next = queue[0];
    if (next === undefined) return { how: 'none' };
    next.left -= 1;
    if (next.left <= 0) queue.shift();
    return next.fault;
  }
}
