import type { Clock } from '../../core/ports/clock.ts';
import type { Random } from '../../core/ports/random.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { Credential } from '../shared/credential.ts';

/** How long a ticket is good. */
export const TICKET_SECONDS = 30;
const TICKET_BYTES = 24;
const MOST = 10_000;

/**
 * One-use tickets for event streams: a browser's EventSource can't send headers, so this may stand in the URL, where a token must not.
 * They live in memory only.
 */
export class Tickets {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tickets = new Map<string, { readonly credential: Credential; readonly until: number }>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @throws TickerplantError `RATE_LIMITED` while too many are out. */
  issue(credential: Credential): { readonly ticket: string; readonly until: number } {
    const now = this.#clock.now();
    // The oldest come first: a Map keeps the order in which they were issued.
    for (const [ticket, { until }] of this.#tickets) {
      if (until > now) break;
      this.#tickets.delete(ticket);
    }
    if (this.#tickets.size >= MOST) throw new TickerplantError('RATE_LIMITED', 'too many tickets are out; wait a little');
    const ticket = Buffer.from(this.#random.bytes(TICKET_BYTES)).toString('base64url');
    const until = now + TICKET_SECONDS * 1000;
    this.#tickets.set(ticket, { credential, until });
    return { ticket, until };
  }

  /** What the ticket was issued for; it is used up. @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED`. */
  redeem(ticket: string): Credential {
    const found = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (found === undefined) throw new TickerplantError('BAD_TOKEN', 'this ticket was used already, or never was one; ask for another');
    if (found.until <= this.#clock.now()) {
      throw new TickerplantError('TOKEN_EXPIRED', `a ticket is good for ${TICKET_SECONDS} seconds; ask for another`);
    }
    return found.credential;
  }
}
