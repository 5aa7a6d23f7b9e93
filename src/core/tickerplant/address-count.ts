import { isThisMachine, limitedAs } from './address.ts';
import { TickerplantError } from './errors.ts';

/** Connections at a time, by address (see {@link limitedAs}). This machine's own are not counted. */
export class AddressCount {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a place until it is disposed of. @throws TickerplantError `TOO_MANY`, to be tried again later. */
  take(from: string): Disposable {
    if (isThisMachine(from)) return { [Symbol.dispose]: () => undefined };
    const address = limitedAs(from);
    const count = this.#counts.get(address) ?? 0;
    if (count >= this.#limit)
      throw new TickerplantError('TOO_MANY', `at most ${this.#limit} connections at a time from one address`, { retry: 'later' });
    this.#counts.set(address, count + 1);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const left = (this.#counts.get(address) ?? 0) - 1;
        if (left > 0) this.#counts.set(address, left);
        else this.#counts.delete(address);
      },
    };
  }
}
