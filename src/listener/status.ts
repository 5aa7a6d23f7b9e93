import type { NodeIdentity } from '../core/lightning/backend.ts';
import type { SettlementFollowing } from './follow-settlements.ts';
import type { Outbox } from './outbox/outbox.ts';
import type { ListenerServer } from './server/listener-server.ts';
import type { Webhook } from './webhooks/webhook.ts';

/** How a listener stands: what `/v1/status` answers. Times are milliseconds since 1970. */
export interface ListenerStatus {
  readonly node: Partial<NodeIdentity> & { readonly state: 'connecting' | 'live' | 'lost'; readonly caughtUp: boolean };
  readonly outbox: { readonly id: string; readonly head: number; readonly floor: number; readonly size: number };
  readonly servers: readonly {
    readonly name: string;
    readonly connected: boolean;
    readonly behind: number;
    readonly acknowledgedAt: number;
  }[];
  readonly webhooks: readonly {
    readonly name: string;
    readonly behind: number;
    readonly failures: number;
    readonly lastError?: string | undefined;
    readonly deliveredAt: number;
  }[];
  /** What webhooks never took, the newest of it. */
  readonly deadLetters: readonly {
    readonly webhook: string;
    readonly offset: number;
    readonly reason: string;
    readonly at: number;
    readonly event: unknown;
  }[];
}

const DEAD_LETTERS_SHOWN = 100;

/** Puts it together. */
export function statusOf(parts: {
  readonly outbox: Outbox;
  readonly settlements: SettlementFollowing;
  readonly server: ListenerServer;
  readonly webhooks: ReadonlyMap<string, Webhook>;
}): ListenerStatus {
  const { outbox, settlements, server, webhooks } = parts;
  const { head, floor, id, size, consumers } = outbox;
  const connected = new Set(server.connected);
  const of = (kind: 'server' | 'webhook') => consumers.all().filter((each) => each.kind === kind);
  return {
    node: { ...outbox.node, state: settlements.status.state, caughtUp: settlements.isCaughtUp },
    outbox: { id, head: head.offset, floor: floor.offset, size },
    servers: of('server').map(({ name, position, at }) => ({
      name,
      connected: connected.has(name),
      behind: head.offset - position.offset,
      acknowledgedAt: at,
    })),
    webhooks: of('webhook').map(({ name, position, at }) => ({
      name,
      behind: head.offset - position.offset,
      failures: webhooks.get(name)?.state.failures ?? 0,
      lastError: webhooks.get(name)?.state.lastError,
      deliveredAt: at,
    })),
    deadLetters: consumers
      .deadLetters(DEAD_LETTERS_SHOWN)
      .map(({ event, ...letter }) => ({ ...letter, event: JSON.parse(event) as unknown })),
  };
}
