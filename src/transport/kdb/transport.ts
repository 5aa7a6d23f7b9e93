import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Encoding } from '../../core/tickerplant/published-rows.ts';
import type { TickerplantService, Transport } from '../../core/tickerplant/service.ts';
import { hostAndPort, listenError } from '../shared/listen-error.ts';
import { OpenSessions } from '../shared/open-sessions.ts';
import { Turn } from '../shared/turn.ts';
import type { KdbConfig } from './config.ts';
import { InvoiceBook } from './invoices.ts';
import { RememberedPositions } from './positions.ts';
import { Session } from './session.ts';
import { updEncoding } from './updates.ts';

/** What the transport is handed. */
export interface KdbTransportOptions {
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A kdb+ tickerplant's interface over a tickerplant: docs/kdb.md. `start` throws {@link ListenError}. */
export function kdbTransport(config: KdbConfig, options: KdbTransportOptions): Transport {
  return new KdbTransport(config, options);
}

class KdbTransport implements Transport {
  readonly name = 'kdb';
  readonly #config: KdbConfig;
  readonly #options: KdbTransportOptions;
  readonly #sessions = new OpenSessions<Session>();
  readonly #turn = new Turn();
  readonly #invoices = new InvoiceBook();
  readonly #remembered = new RememberedPositions();
  #server: Server | undefined;
  #stopped: Promise<void> | undefined;
  #connections = 0;

  constructor(config: KdbConfig, options: KdbTransportOptions) {
    this.#config = config;
    this.#options = options;
  }

  async start(tickerplant: TickerplantService): Promise<string> {
    if (this.#server !== undefined) throw new Error('the kdb+ transport was started before; make a new one');
    const { host, port } = this.#config;
    const encoding = updEncoding(tickerplant.tables());
    const server = createServer((socket) => this.#open(socket, tickerplant, encoding));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => reject(listenError('kdb', host, port, error));
      server.once('error', failed);
      server.listen(port, host, () => {
        server.removeListener('error', failed);
        resolve();
      });
    });
    server.on('error', (error) => this.#options.logger.error({ err: error }, 'the listening socket failed'));
    return `kdb://${hostAndPort(host, (server.address() as AddressInfo).port)}`;
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const serverClosed = new Promise<void>((resolve) => server.close(() => resolve()));
    await this.#sessions.end(this.#options.clock, deadlineMs);
    await serverClosed;
  }

  #open(socket: Socket, tickerplant: TickerplantService, encoding: Encoding): void {
    const { maxConnections } = this.#config;
    if (this.#stopped !== undefined || (maxConnections !== undefined && this.#sessions.size >= maxConnections)) {
      socket.destroy();
      return;
    }
    const handle = ++this.#connections;
    const logger = this.#options.logger.child({ connection: handle });
    const session: Session = new Session({
      socket,
      handle,
      tickerplant,
      config: this.#config,
      encoding,
      invoices: this.#invoices,
      remembered: this.#remembered,
      turn: this.#turn,
      clock: this.#options.clock,
      logger,
      onClosed: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    logger.debug({ connections: this.#sessions.size }, 'connection opened');
  }
}
