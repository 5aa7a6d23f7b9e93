import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { RequestId } from './requests.ts';

/** The requests of one connection that are being answered: so many at a time, and no id twice. */
export class RequestsInFlight {
  readonly #limit: number;
  readonly #ids = new Set<RequestId>();
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Refuses an id that is in use, of any request. @throws TickerplantError `BAD_REQUEST`. */
  checkId(id: RequestId | undefined): void {
    if (id !== undefined && this.#ids.has(id)) {
      throw new TickerplantError('BAD_REQUEST', `id: a request with the id ${JSON.stringify(id)} is still being answered`);
    }
  }

  /**
   * Takes a request in; the function it answers, called once the request has its answer, lets the next one in.
   * @throws TickerplantError `BAD_REQUEST` where the id is in use, `RATE_LIMITED` where there are too many.
   */
  begin(id: RequestId | undefined): () => void {
    this.checkId(id);
    if (this.#count >= this.#limit) {
      throw new TickerplantError('RATE_LIMITED', `${this.#limit} requests are being answered already; wait for an answer`);
    }
    this.#count++;
    if (id !== undefined) this.#ids.add(id);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#count--;
      if (id !== undefined) this.#ids.delete(id);
    };
  }
}
