import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Encoding } from '../../core/tickerplant/published-rows.ts';
import type { TickerplantService, Transport } from '../../core/tickerplant/service.ts';
import { AddressList } from '../shared/access/address-list.ts';
import { type GuardedConnections, guardConnections } from '../shared/access/connection-guard.ts';
import type { Operators } from '../shared/access/operators.ts';
import { hostAndPort, listenError } from '../shared/listen-error.ts';
import { OpenSessions } from '../shared/open-sessions.ts';
import { openCertificate, type ServerCertificate } from '../shared/tls/certificate.ts';
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
  /** Who may publish. */
  readonly operators: Operators;
  /** Connections at a time of one address, those too that have not logged in. */
  readonly connectionsPerAddress: number;
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
  #certificate: ServerCertificate | undefined;
  #guarded: GuardedConnections | undefined;
  #stopped: Promise<void> | undefined;
  #connections = 0;

  constructor(config: KdbConfig, options: KdbTransportOptions) {
    this.#config = config;
    this.#options = options;
  }

  async start(tickerplant: TickerplantService): Promise<string> {
    if (this.#server !== undefined) throw new Error('the kdb+ transport was started before; make a new one');
    const { host, port, tls, allow } = this.#config;
    const { clock, logger, connectionsPerAddress } = this.#options;
    const encoding = updEncoding(tickerplant.tables());
    const open = (socket: Socket) => this.#open(socket, tickerplant, encoding);
    const certificate = tls === undefined ? undefined : await openCertificate(tls, { clock, logger });
    this.#certificate = certificate;
    const server = certificate === undefined ? createServer(open) : createTlsServer(certificate.options, open);
    if (server instanceof TlsServer) certificate?.follow(server);
    server.on('tlsClientError', (error) => logger.debug({ err: error }, 'a TLS handshake failed'));
    this.#guarded = guardConnections(server, {
      allow: allow === undefined ? undefined : new AddressList(allow),
      connectionsPerAddress,
      logger,
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        certificate?.[Symbol.dispose]();
        reject(listenError('kdb', host, port, error));
      };
      server.once('error', failed);
      server.listen(port, host, () => {
        server.removeListener('error', failed);
        resolve();
      });
    });
    server.on('error', (error) => this.#options.logger.error({ err: error }, 'the listening socket failed'));
    return `${certificate === undefined ? 'kdb' : 'kdbs'}://${hostAndPort(host, (server.address() as AddressInfo).port)}`;
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const serverClosed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.#certificate?.[Symbol.dispose]();
    await this.#sessions.end(this.#options.clock, deadlineMs);
    // Nobody is left but who was in the middle of a handshake.
    this.#guarded?.terminate();
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
      operators: this.#options.operators,
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
