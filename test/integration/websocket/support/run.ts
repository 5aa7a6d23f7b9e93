import type { Server } from 'node:http';
import type { Clock } from '../../../../src/core/ports/clock.ts';
import { type Logger, silentLogger } from '../../../../src/core/ports/logger.ts';
import type { Transport } from '../../../../src/core/tickerplant/service.ts';
import { type WebsocketConfigInput, websocketConfigSchema } from '../../../../src/transport/websocket/config.ts';
import { websocketTransport } from '../../../../src/transport/websocket/transport.ts';
import { Client } from './client.ts';
import { TinyTickerplant } from './tiny-tickerplant.ts';

/** The machine's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
};

/** A clock that stands still until it is told. */
export class ManualClock implements Clock {
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  #now = Date.parse('2026-11-20T14:30:00Z');

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Disposable {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(delayMs, resolve));
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.callback();
    }
  }
}

/** A tickerplant with its WebSocket transport on a port of its own. */
export interface Running extends AsyncDisposable {
  readonly plant: TinyTickerplant;
  readonly transport: Transport;
  readonly url: string;
  client(options?: ConstructorParameters<typeof Client>[1]): Promise<Client>;
}

/** What differs from the usual. */
export interface RunOptions {
  readonly config?: WebsocketConfigInput;
  readonly plant?: TinyTickerplant;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly server?: Server;
  readonly path?: string;
}

/** Starts one. */
export async function run(options: RunOptions = {}): Promise<Running> {
  const { plant = new TinyTickerplant(), clock = realClock, logger = silentLogger, server, path } = options;
  const config = websocketConfigSchema.parse({ port: 0, ...options.config });
  const transport = websocketTransport(config, { clock, logger, server, path });
  const url = await transport.start(plant);
  return {
    plant,
    transport,
    url,
    client: (clientOptions) => Client.open(url, clientOptions),
    [Symbol.asyncDispose]: () => transport.stop(0),
  };
}
