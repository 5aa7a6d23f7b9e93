import type { Server } from 'node:http';
import { Container, type ServiceIdentifier } from 'inversify';
import type { AdapterDefinition } from '../adapters/shared/definition.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Credentials } from '../core/ports/credentials.ts';
import type { Feed } from '../core/ports/feed.ts';
import type { Journal } from '../core/ports/journal.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { Random } from '../core/ports/random.ts';
import type { SellerBackend } from '../core/tickerplant/seller-node.ts';
import type { Transport } from '../core/tickerplant/service.ts';
import { openTickerplant, type Tickerplant } from '../core/tickerplant/tickerplant.ts';
import { tradingCalendar } from '../core/tickerplant/trading-calendar.ts';
import { deviceCredentials } from '../credentials/device-token.ts';
import { l402Credentials } from '../credentials/l402.ts';
import { createFeed } from '../feed/create-feed.ts';
import { listenerSource } from '../listener/client/listener-source.ts';
import { journalOptions } from '../storage/journal/config.ts';
import { openJournal } from '../storage/journal/open-journal.ts';
import { openSqliteLedger, type SqliteLedger } from '../storage/ledger/sqlite-ledger.ts';
import { httpTransport } from '../transport/http/transport.ts';
import { kdbTransport } from '../transport/kdb/transport.ts';
import { mqttTransport } from '../transport/mqtt/transport.ts';
import type { Operators } from '../transport/shared/access/operators.ts';
import { websocketTransport } from '../transport/websocket/transport.ts';
import { openOperators } from './access/operator-tokens.ts';
import type { BackendConfig } from './config/backend.ts';
import type { BaseConfig } from './config/parse.ts';
import { operationsOf } from './operations.ts';

const id = <T>(name: string): ServiceIdentifier<T> => Symbol(name);

/** What the container holds, by what it is. */
export const parts: {
  readonly config: ServiceIdentifier<BaseConfig>;
  readonly clock: ServiceIdentifier<Clock>;
  readonly random: ServiceIdentifier<Random>;
  readonly logger: ServiceIdentifier<Logger>;
  readonly store: ServiceIdentifier<SqliteLedger>;
  readonly journal: ServiceIdentifier<Journal>;
  readonly credentials: ServiceIdentifier<Credentials>;
  readonly operators: ServiceIdentifier<Operators & AsyncDisposable>;
  readonly adapter: ServiceIdentifier<AdapterDefinition>;
  readonly backend: ServiceIdentifier<SellerBackend>;
  readonly feed: ServiceIdentifier<Feed>;
  readonly tickerplant: ServiceIdentifier<Tickerplant>;
  readonly transport: ServiceIdentifier<Transport>;
} = {
  config: id('config'),
  clock: id('clock'),
  random: id('random'),
  logger: id('logger'),
  store: id('store'),
  journal: id('journal'),
  credentials: id('credentials'),
  operators: id('operators'),
  adapter: id('adapter'),
  backend: id('backend'),
  feed: id('feed'),
  tickerplant: id('tickerplant'),
  transport: id('transport'),
};

/** What a container is made from. What the caller brings takes the place of what the config would make. */
export interface ContainerOptions {
  readonly config: BaseConfig & { readonly backend?: BackendConfig };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly backend?: SellerBackend | undefined;
  readonly feed?: Feed | undefined;
  /** A server of the embedder's, for the transports to listen on. */
  readonly server?: Server | undefined;
  readonly path?: string | undefined;
}

/** Binds every part, each made once, when it is first asked for. Nothing is opened yet. */
export function createContainer(options: ContainerOptions): Container {
  const { config, clock, random, logger } = options;
  const container = new Container({ defaultScope: 'Singleton' });
  container.bind(parts.config).toConstantValue(config);
  container.bind(parts.clock).toConstantValue(clock);
  container.bind(parts.random).toConstantValue(random);
  container.bind(parts.logger).toConstantValue(logger);
  container.bind(parts.credentials).toConstantValue(l402Credentials);
  container
    .bind(parts.store)
    .toResolvedValue(
      ({ ledger }: BaseConfig, log: Logger) => openSqliteLedger({ path: ledger.path, logger: log.child({ part: 'ledger' }) }),
      [parts.config, parts.logger],
    );
  container.bind(parts.journal).toResolvedValue(
    async ({ journal: config, endOfDay }: BaseConfig, { ledger }: SqliteLedger, time: Clock, log: Logger) => {
      const highestEpoch = await ledger.highestEpoch();
      const day = tradingCalendar(endOfDay).nextEnd(time.now()).date;
      const logger = log.child({ part: 'journal' });
      const journal = await openJournal({ ...journalOptions(config), highestEpoch, day, clock: time, logger });
      try {
        // Before the first row: if the journal is deleted one day, its numbers are not used again.
        await ledger.noteEpoch(journal.epoch);
      } catch (error) {
        await journal[Symbol.asyncDispose]();
        throw error;
      }
      return journal;
    },
    [parts.config, parts.store, parts.clock, parts.logger],
  );
  container
    .bind(parts.operators)
    .toResolvedValue(
      ({ access }: BaseConfig, time: Clock, log: Logger) => openOperators(access, { clock: time, logger: log.child({ part: 'access' }) }),
      [parts.config, parts.clock, parts.logger],
    );
  bindBackend(container, options);
  bindFeed(container, options);
  container.bind(parts.tickerplant).toResolvedValue(
    (
      { tables, listener, limits, devices, slowConsumer, quoteExpirySeconds, settlements, endOfDay }: BaseConfig,
      { ledger }: SqliteLedger,
      journal: Journal,
      backend: SellerBackend,
      credentials: Credentials,
      log: Logger,
    ) =>
      openTickerplant({
        tables,
        limits,
        slowConsumer,
        quoteExpirySeconds,
        settlements,
        endOfDay,
        devices: devices && { ...devices, credentials: deviceCredentials },
        ledger,
        journal,
        backend,
        settlementSource:
          listener === undefined
            ? undefined
            : (node) => listenerSource(listener, { node, backend, clock, random, logger: log.child({ part: 'listener' }) }),
        credentials,
        clock,
        random,
        logger: log.child({ part: 'tickerplant' }),
      }),
    [parts.config, parts.store, parts.journal, parts.backend, parts.credentials, parts.logger],
  );
  const { websocket, http, kdb, mqtt } = config.transports;
  const { connectionsPerAddress } = config.limits;
  if (websocket !== undefined) {
    container.bind(parts.transport).toResolvedValue(
      (tickerplant: Tickerplant, time: Clock, operators: Operators, log: Logger) =>
        websocketTransport(websocket, {
          clock: time,
          logger: log.child({ part: 'websocket' }),
          operators,
          connectionsPerAddress,
          server: options.server,
          path: options.path,
          devices: tickerplant.devices,
        }),
      [parts.tickerplant, parts.clock, parts.operators, parts.logger],
    );
  }
  if (http !== undefined) {
    container.bind(parts.transport).toResolvedValue(
      (tickerplant: Tickerplant, { ledger }: SqliteLedger, operators: Operators, log: Logger) =>
        httpTransport(http, {
          clock,
          random,
          logger: log.child({ part: 'http' }),
          access: tickerplant.access,
          devices: tickerplant.devices,
          operations: operationsOf(tickerplant, ledger),
          operators,
          connectionsPerAddress,
        }),
      [parts.tickerplant, parts.store, parts.operators, parts.logger],
    );
  }
  if (kdb !== undefined) {
    container
      .bind(parts.transport)
      .toResolvedValue(
        (time: Clock, operators: Operators, log: Logger) =>
          kdbTransport(kdb, { clock: time, logger: log.child({ part: 'kdb' }), operators, connectionsPerAddress }),
        [parts.clock, parts.operators, parts.logger],
      );
  }
  if (mqtt !== undefined) {
    container.bind(parts.transport).toResolvedValue(
      ({ devices }: Tickerplant, log: Logger) => {
        if (devices === undefined) throw new TypeError('transports.mqtt is for devices, and devices is not configured');
        return mqttTransport(mqtt, { clock, logger: log.child({ part: 'mqtt' }), devices, connectionsPerAddress });
      },
      [parts.tickerplant, parts.logger],
    );
  }
  return container;
}

/** By `backend.kind`: the adapters are bound by their names, and the config's name chooses. */
function bindBackend(container: Container, { config, backend, clock, random }: ContainerOptions): void {
  const chosen = config.backend;
  if (backend !== undefined) {
    container.bind(parts.backend).toConstantValue(backend);
    return;
  }
  if (chosen === undefined) throw new TypeError('a tickerplant needs a backend: a config of one, or an object');
  container.bind(parts.adapter).toConstantValue(chosen.definition).whenNamed(chosen.kind);
  container
    .bind(parts.backend)
    .toResolvedValue(
      (adapter: AdapterDefinition, { intents, settlementLog }: SqliteLedger, log: Logger) =>
        adapter.create(chosen.config, { clock, random, intents, settlementLog, logger: log.child({ part: chosen.kind }) }),
      [{ serviceIdentifier: parts.adapter, name: chosen.kind }, parts.store, parts.logger],
    );
}

function bindFeed(container: Container, { config, feed, clock, random }: ContainerOptions): void {
  const configured = config.feed;
  if (feed !== undefined) container.bind(parts.feed).toConstantValue(feed);
  else if (configured !== undefined) {
    container
      .bind(parts.feed)
      .toResolvedValue(
        ({ tables }: BaseConfig, log: Logger) => createFeed(configured, { tables, clock, random, logger: log.child({ part: 'feed' }) }),
        [parts.config, parts.logger],
      );
  }
}
