import type { Sink } from '../shared/sink.ts';
import type { Match } from './interest.ts';

/** Who is compared; the names of the result's fields. */
export const CONTENDERS = ['ours', 'oursMetered', 'ws', 'socketio', 'nats', 'redis', 'floor'] as const;

export type ContenderName = (typeof CONTENDERS)[number];

/** A stage that all contenders play on. */
export interface Scene {
  readonly subscribers: number;
  readonly match: Match;
  /** What each subscriber takes. */
  readonly takes: readonly (readonly number[])[];
  /** For files that are gone afterwards. */
  readonly dir: string;
  readonly note: (text: string) => void;
}

/** Starts servers and subscribes everybody; all of it is ended through `onEnd`. */
export type Start<Names extends ContenderName> = (
  scene: Scene,
  onEnd: (end: () => Promise<void>) => void,
) => Promise<Readonly<Record<Names, Sink>>>;
