import { fastify } from 'fastify';
import type { Logger } from '../../core/ports/logger.ts';
import type { ItemSource } from '../../core/store/items.ts';
import { hostAndPort, listenError } from '../../transport/shared/listen-error.ts';
import type { BackendConfig } from '../config/backend.ts';
import { ConfigError } from '../config/errors.ts';
import { isLoopback } from '../config/listening.ts';
import { Disposal } from '../disposal.ts';
import { type CreateStoreOptions, type EmbeddedStore, openStore } from './create-store.ts';

/** A store on a server of its own. */
export interface ServeStoreOptions extends Omit<CreateStoreOptions, 'backend' | 'items'> {
  readonly backend: BackendConfig;
  readonly items: readonly ItemSource[];
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly logger: Logger;
}

/** A store that is listening. */
export interface ServedStore {
  readonly url: string;
  readonly store: EmbeddedStore;
  /** Lets deliveries that are under way end, for a while, and closes everything. */
  stop(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 30_000;
const STOP_DEADLINE_MS = 5_000;

/** Opens a store and listens. @throws ConfigError, LedgerError, ListenError, with nothing left open. */
export async function serveStore(options: ServeStoreOptions): Promise<ServedStore> {
  const { host, port, backend, forcePublic, logger } = options;
  if (backend.kind === 'simulated' && forcePublic !== true && !isLoopback(host)) {
    const message =
      'backend.kind is simulated, so buyers pay with play money: it listens on loopback only (127.0.0.1). To sell for nothing, add --force-public';
    throw new ConfigError('--host', [{ path: '', at: undefined, message }]);
  }
  const disposal = new Disposal();
  try {
    const store = await openStore(options);
    disposal.add(() => store.stop());
    const server = fastify({
      logger: false,
      forceCloseConnections: 'idle',
      requestTimeout: HEADERS_TIMEOUT_MS,
      http: { headersTimeout: HEADERS_TIMEOUT_MS },
      routerOptions: { maxParamLength: 4_096 },
    });
    await server.register(store.plugin);
    disposal.add(async () => {
      const late = setTimeout(() => server.server.closeAllConnections(), STOP_DEADLINE_MS);
      await server.close();
      clearTimeout(late);
    });
    try {
      await server.listen({ host, port });
    } catch (error) {
      throw listenError('store', host, port, error as NodeJS.ErrnoException, (name) => `--${name}`);
    }
    const address = server.server.address();
    const url = `http://${hostAndPort(host, typeof address === 'object' ? (address?.port ?? port) : port)}`;
    logger.info({ url }, 'store: listening');
    return { url, store, stop: () => disposal[Symbol.asyncDispose]() };
  } catch (error) {
    await disposal[Symbol.asyncDispose]();
    throw error;
  }
}
