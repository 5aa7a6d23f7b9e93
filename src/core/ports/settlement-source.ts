import type { NodeIdentity } from '../lightning/backend.ts';
import type { SettlementCursor, SettlementEvent, StreamStatus } from '../lightning/settlement.ts';

/**
 * Who tells of settlements: the node itself, or a listener's outbox by its id. A position is good at the source that gave it
 * and nowhere else, so positions are kept per (node, source).
 */
export type SettlementSourceName = 'node' | `outbox:${string}`;

/** An event and who told of it. */
export interface SourcedEvent {
  readonly node: NodeIdentity;
  readonly source: SettlementSourceName;
  /** Its `cursor` is the source's. */
  readonly event: SettlementEvent;
  /** The position at the node as well, where another source told of it and the node's cursors are good for anybody. */
  readonly nodeCursor?: SettlementCursor | undefined;
}

/** How to follow a source. */
export interface FollowSource {
  readonly signal: AbortSignal;
  /** Told whenever the connection changes. */
  readonly onStatus: (status: StreamStatus) => void;
  /** Up to where a source's events have been committed; undefined where none of its has been. */
  readonly committed: (node: NodeIdentity, source: SettlementSourceName) => Promise<SettlementCursor | undefined>;
}

/**
 * Where a tickerplant learns what was paid. Every settlement after what is committed is yielded at least once, whichever
 * sources it came by before; the consumer commits an event (effect and cursor together) before it asks for the next one.
 */
export interface SettlementSource {
  /** Ends when the signal is aborted. @throws LightningError, ListenerError for what waiting can't cure. */
  events(options: FollowSource): AsyncIterable<SourcedEvent>;
}
