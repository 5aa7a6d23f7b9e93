import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { fastify } from 'fastify';
import type { Logger } from '../../core/ports/logger.ts';
import type { ItemSource } from '../../core/store/items.ts';
import { DEFAULT_LIMITS } from '../../core/tickerplant/limits.ts';
import type { SellerBackend } from '../../core/tickerplant/seller-node.ts';
import { AddressList, proxiesOf } from '../../transport/shared/access/address-list.ts';
import { guardConnections } from '../../transport/shared/access/connection-guard.ts';
import { hostAndPort, listenError } from '../../transport/shared/listen-error.ts';
import { openCertificate, type ServerCertificate } from '../../transport/shared/tls/certificate.ts';
import type { TlsConfig } from '../../transport/shared/tls/config.ts';
import type { BackendConfig } from '../config/backend.ts';
import { ConfigError } from '../config/errors.ts';
import { isLoopback } from '../config/listening.ts';
import { Disposal } from '../disposal.ts';
import { systemClock } from '../system.ts';
import { type CreateStoreOptions, type EmbeddedStore, openStore } from './create-store.ts';

/** A store on a server of its own. */
export interface ServeStoreOptions extends Omit<CreateStoreOptions, 'backend' | 'items'> {
  readonly backend: SellerBackend | BackendConfig;
  readonly items: readonly ItemSource[];
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Left out, it speaks plain HTTP. */
  readonly tls?: TlsConfig | undefined;
  /** Addresses and networks that may connect; left out, all. */
  readonly allow?: readonly string[] | undefined;
  readonly logger: Logger;
}

/** A store that is listening. */
export interface ServedStore {
  readonly url: string;
  readonly store: EmbeddedStore;
  /** Lets deliveries that are under way end, for a while, and closes everything. */
  stop(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** The head of an honest request comes at once. */
const HEADERS_TIMEOUT_MS = 10_000;
const STOP_DEADLINE_MS = 5_000;

/** Opens a store and listens. @throws ConfigError, LedgerError, ListenError, TlsError, with nothing left open. */
export async function serveStore(options: ServeStoreOptions): Promise<ServedStore> {
  const { host, port, backend, forcePublic, logger, clock = systemClock, limits, tls, trustProxy = false } = options;
  if ('definition' in backend && backend.kind === 'simulated' && forcePublic !== true && !isLoopback(host))
    throw wrong(
      '--host',
      'backend.kind is simulated, so buyers pay with play money: it listens on loopback only (127.0.0.1). To sell for nothing, add --force-public',
    );
  const allowed = options.allow === undefined ? undefined : listOf(options.allow);
  const disposal = new Disposal();
  try {
    const certificate = tls === undefined ? undefined : await openCertificate(tls, { clock, logger });
    if (certificate !== undefined) disposal.add(async () => certificate[Symbol.dispose]());
    const store = await openStore({ ...options, allowed });
    disposal.add(() => store.stop());
    const server = fastify({
      logger: false,
      forceCloseConnections: 'idle',
      routerOptions: { maxParamLength: 4_096 },
      serverFactory: (handler) => listener(certificate, handler as RequestListener),
    });
    const connections = guardConnections(server.server, {
      allow: allowed,
      proxies: proxiesOf(trustProxy),
      connectionsPerAddress: limits?.connectionsPerAddress ?? DEFAULT_LIMITS.connectionsPerAddress,
      logger,
    });
    if (tls?.generate === false)
      server.addHook('onRequest', async (_request, { raw }) => void raw.setHeader('Strict-Transport-Security', 'max-age=31536000'));
    await server.register(store.plugin);
    disposal.add(async () => {
      const late = setTimeout(() => connections.terminate(), STOP_DEADLINE_MS);
      await server.close();
      clearTimeout(late);
    });
    try {
      await server.listen({ host, port });
    } catch (error) {
      throw listenError('store', host, port, error as NodeJS.ErrnoException, (name) => `--${name}`);
    }
    const address = server.server.address();
    const scheme = certificate === undefined ? 'http' : 'https';
    const url = `${scheme}://${hostAndPort(host, typeof address === 'object' ? (address?.port ?? port) : port)}`;
    logger.info({ url }, 'store: listening');
    tellOfExposure(options);
    return { url, store, stop: () => disposal[Symbol.asyncDispose]() };
  } catch (error) {
    await disposal[Symbol.asyncDispose]();
    throw error;
  }
}

/** A server that gives up whoever dawdles over a request, with TLS where there is a certificate. */
function listener(certificate: ServerCertificate | undefined, handler: RequestListener): Server {
  const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 1_000 };
  if (certificate === undefined) return createServer(limits, handler);
  const server = createTlsServer({ ...limits, ...certificate.options }, handler);
  certificate.follow(server);
  return server;
}

/** What strangers could read on the way. */
function tellOfExposure({ host, tls, trustProxy = false, logger }: ServeStoreOptions): void {
  if (isLoopback(host)) return;
  if (tls?.generate === true)
    logger.warn({ advice: 'give --tls-cert and --tls-key; certbot makes them' }, 'store: a generated certificate is shown to strangers');
  if (tls !== undefined) return;
  if (trustProxy === false)
    logger.warn(
      { host, advice: 'give --tls-cert and --tls-key, or put a proxy that does TLS in front and add --trust-proxy' },
      'store: listens in plain text: links can be read on the way, and used',
    );
  else
    logger.warn(
      { host, advice: 'let it listen where the proxy alone comes, 127.0.0.1, or list the proxy in --allow' },
      'store: listens in plain text, though a proxy is in front of it',
    );
}

function listOf(addresses: readonly string[]): AddressList {
  try {
    return new AddressList(addresses);
  } catch (error) {
    throw wrong('--allow', (error as Error).message);
  }
}

function wrong(source: string, message: string): ConfigError {
  return new ConfigError(source, [{ path: '', at: undefined, message }]);
}
