import { Meter, type MeterDependencies, type Spender } from './meter.ts';
import { RecordPace } from './record-pace.ts';

const RETRY_MS = 1_000;

/** The meters that are running: one per subscription in this process, whichever of its sessions spends. */
export class Meters {
  readonly #dependencies: MeterDependencies;
  readonly #running = new Map<string, Meter>();
  #stopped = false;

  constructor(dependencies: Omit<MeterDependencies, 'pace' | 'meters'>) {
    this.#dependencies = { ...dependencies, pace: new RecordPace(dependencies.clock), meters: () => this.#running.size };
  }

  /** The meter of a subscription, to be spent of until {@link detach}. */
  attach(subscription: string, spender: Spender): Meter {
    const meter = this.#running.get(subscription) ?? new Meter(subscription, this.#dependencies);
    this.#running.set(subscription, meter);
    meter.attach(spender);
    return meter;
  }

  /** Nothing is spent here any more; where nobody else spends, what is left goes back to the balance. */
  detach(subscription: string, spender: Spender): void {
    const meter = this.#running.get(subscription);
    meter?.detach(spender);
    if (meter?.isSpent === false) void this.#close(subscription, meter);
  }

  /** Gives back what every meter has left. Sessions have ended by now. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#running].map(([subscription, meter]) => this.#close(subscription, meter)));
  }

  async #close(subscription: string, meter: Meter): Promise<void> {
    const isClosed = await meter.close();
    if (meter.isSpent || this.#running.get(subscription) !== meter) return;
    if (isClosed || this.#stopped) this.#running.delete(subscription);
    else this.#dependencies.clock.setTimer(RETRY_MS, () => void this.#close(subscription, meter));
  }
}
