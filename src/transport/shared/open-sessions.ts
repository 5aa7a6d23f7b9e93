import type { Clock } from '../../core/ports/clock.ts';

/** A connection that is told to go, and ended where it does not. */
export interface EndableSession {
  /** Says good-bye and ends the connection when what is on its way has been taken. */
  goAway(): void;
  /** Ends it at once. */
  terminate(): void;
}

/** The connections of a transport, and their common end. */
export class OpenSessions<Session extends EndableSession> {
  readonly #sessions = new Set<Session>();
  #allClosed: (() => void) | undefined;

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values();
  }

  add(session: Session): void {
    this.#sessions.add(session);
  }

  delete(session: Session): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#allClosed?.();
  }

  /** Tells every one to go; after `deadlineMs` milliseconds those that are left are terminated. Resolves when none is left. */
  async end(clock: Clock, deadlineMs: number): Promise<void> {
    const allClosed = new Promise<void>((resolve) => {
      this.#allClosed = resolve;
    });
    for (const session of this.#sessions) session.goAway();
    if (this.#sessions.size === 0) this.#allClosed?.();
    const deadline = clock.setTimer(deadlineMs, () => {
      for (const session of this.#sessions) session.terminate();
    });
    await allClosed;
    deadline[Symbol.dispose]();
  }
}
