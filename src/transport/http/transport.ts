import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { DeviceService } from '../../core/devices/service.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Random } from '../../core/ports/random.ts';
import type { TickerplantService, Transport } from '../../core/tickerplant/service.ts';
import type { TokenAccess } from '../../core/tickerplant/token-access.ts';
import { AddressList, proxiesOf } from '../shared/access/address-list.ts';
import { guardConnections } from '../shared/access/connection-guard.ts';
import type { Operators } from '../shared/access/operators.ts';
import { requestOrigin } from '../shared/access/origin.ts';
import { hostAndPort, listenError } from '../shared/listen-error.ts';
import { openCertificate, type ServerCertificate } from '../shared/tls/certificate.ts';
import { Turn } from '../shared/turn.ts';
import type { HttpConfig } from './config.ts';
import { Metrics, serveMetrics } from './metrics.ts';
import { createServer } from './server.ts';
import type { Operations, Services } from './services.ts';
import { EventStreams } from './stream/event-stream.ts';
import { Streams } from './stream/streams.ts';
import { Tickets } from './tickets.ts';

/** What the transport is handed. */
export interface HttpTransportOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** Of the tickerplant that it is started with. */
  readonly access: TokenAccess;
  readonly operations: Operations;
  /** Who may publish, look after the server, read metrics. */
  readonly operators: Operators;
  /** Connections at a time of one address, whatever they have said. */
  readonly connectionsPerAddress: number;
  /** Devices that share the seller's node; left out, there are none. */
  readonly devices?: DeviceService | undefined;
}

/** HTTP with L402 over a tickerplant: quotes, history, live rows as events or lines. `start` throws `ListenError`. */
export function httpTransport(config: HttpConfig, options: HttpTransportOptions): Transport {
  return new HttpTransport(config, options);
}

class HttpTransport implements Transport {
  readonly name = 'http';
  readonly #config: HttpConfig;
  readonly #options: HttpTransportOptions;
  readonly #streams: Streams;
  #server: FastifyInstance | undefined;
  #certificate: ServerCertificate | undefined;
  #metricsServer: Server | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: HttpConfig, options: HttpTransportOptions) {
    this.#config = config;
    this.#options = options;
    this.#streams = new Streams(config, options.clock);
  }

  async start(tickerplant: TickerplantService): Promise<string> {
    if (this.#server !== undefined) throw new Error('the HTTP transport was started before; make a new one');
    const { clock, random, operations, logger, connectionsPerAddress } = this.#options;
    const { host, port, tls, allow, trustProxy, metrics: metricsConfig } = this.#config;
    const proxies = proxiesOf(trustProxy);
    const allowed = allow === undefined ? undefined : new AddressList(allow);
    const services: Services = {
      ...this.#options,
      devices: this.#options.devices,
      config: this.#config,
      tickerplant,
      tickets: new Tickets(clock, random),
      streams: this.#streams,
      eventStreams: new EventStreams(clock, random),
      turn: new Turn(),
      originOf: (request) => requestOrigin(request, proxies),
      allow: allowed,
    };
    const metrics = new Metrics(operations, () => this.#streams.size);
    const certificate = tls === undefined ? undefined : await openCertificate(tls, { clock, logger });
    this.#certificate = certificate;
    const server = await createServer({ services, metrics, certificate, isStopping: () => this.#stopped !== undefined });
    this.#server = server;
    guardConnections(server.server, { allow: allowed, proxies, connectionsPerAddress, logger });
    try {
      await server.listen({ host, port });
    } catch (error) {
      certificate?.[Symbol.dispose]();
      await server.close();
      throw listenError('http', host, port, error as NodeJS.ErrnoException);
    }
    if (metricsConfig?.port !== undefined) {
      try {
        this.#metricsServer = await serveMetrics(metrics, { ...metricsConfig, port: metricsConfig.port }, services, certificate);
      } catch (error) {
        certificate?.[Symbol.dispose]();
        await server.close();
        throw error;
      }
      const bound = this.#metricsServer.address() as AddressInfo;
      const metricsScheme = this.#metricsServer instanceof TlsServer ? 'https' : 'http';
      logger.info({ url: `${metricsScheme}://${hostAndPort(metricsConfig.host, bound.port)}/metrics` }, 'http: metrics');
    }
    return `${certificate === undefined ? 'http' : 'https'}://${hostAndPort(host, (server.server.address() as AddressInfo).port)}`;
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#certificate?.[Symbol.dispose]();
    this.#streams.goAway();
    const deadline = this.#options.clock.setTimer(deadlineMs, () => {
      this.#streams.terminate();
      server.server.closeAllConnections();
    });
    this.#metricsServer?.close();
    this.#metricsServer?.closeAllConnections();
    await server.close();
    deadline[Symbol.dispose]();
  }
}
