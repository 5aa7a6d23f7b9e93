import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Random } from '../../core/ports/random.ts';
import type { SimulatedNode } from './gateway/calls.ts';
import type { SimnetControl } from './gateway/control-calls.ts';
import { NetworkGateway } from './gateway/gateway.ts';
import { LocalControl, LocalNode } from './gateway/local.ts';
import { SimulatedNetwork } from './network/network.ts';
import { MemoryStore, type Store } from './network/store.ts';
import { SqliteStore } from './persistence/sqlite-store.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimnetConfig, Topology } from './simnet-config.ts';
import { SimnetServer } from './socket/server.ts';
import { populate } from './topology.ts';

/** What a simulated network is handed. */
export interface SimnetDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A simulated network in this process. Disposing of it closes its store; what it has answered is there when it is opened again. */
export interface EmbeddedSimnet extends AsyncDisposable {
  readonly network: SimulatedNetwork;
  readonly gateway: NetworkGateway;
  readonly control: SimnetControl;
  /** One of its nodes, to make a backend of. */
  node(name: string): SimulatedNode;
}

/** A simulated network that is served on a socket. */
export interface Simnet extends EmbeddedSimnet {
  /** The path of the socket. */
  readonly socket: string;
}

/** What {@link openSimnet} makes a network of. */
export interface EmbeddedOptions extends Topology {
  /** Where it keeps what it remembers; left out, in memory. */
  readonly dir?: string | undefined;
  /** Another store, where there is no `dir`. */
  readonly store?: Store | undefined;
  readonly seed?: number | undefined;
  readonly hopDelayMs?: number | undefined;
}

/** Opens a network in this process, and fills it at its first start. @throws LightningError `CONFLICT` when another process has its directory. */
export function openSimnet(options: EmbeddedOptions, { clock, random, logger }: SimnetDependencies): EmbeddedSimnet {
  const store = options.dir === undefined ? (options.store ?? new MemoryStore()) : new SqliteStore(options.dir);
  const seeded = options.seed === undefined ? undefined : new SeededRandom(options.seed);
  try {
    const network = new SimulatedNetwork(
      {
        clock,
        random: seeded ?? random,
        logger,
        store,
        ...(seeded !== undefined && { onStart: (starts: number) => seeded.startRun(starts) }),
      },
      { confirmations: options.confirmations, toSelfDelay: options.toSelfDelay },
    );
    populate(network, options);
    network.payments.hopDelayMs = options.hopDelayMs ?? 0;
    const gateway = new NetworkGateway(network, clock);
    return {
      network,
      gateway,
      control: new LocalControl(gateway),
      node: (name) => new LocalNode(gateway, name),
      [Symbol.asyncDispose]: async () => {
        gateway.cutOff(undefined);
        network.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/**
 * Starts a network as others attach to it: opens its directory, serves its socket, mines at intervals where that is configured.
 * @throws LightningError `CONFLICT` naming the socket or the file that another process has.
 */
export async function startSimnet(config: SimnetConfig, dependencies: SimnetDependencies): Promise<Simnet> {
  const embedded = openSimnet(config, dependencies);
  try {
    const server = await SimnetServer.listen(embedded.gateway, config.socket, dependencies.logger);
    const miner = mineAtIntervals(embedded.network, config.blockSeconds, dependencies);
    dependencies.logger.info({ socket: config.socket, nodes: embedded.network.nodes.list().length }, 'the simulated network is up');
    let disposed = false;
    return {
      ...embedded,
      socket: config.socket,
      [Symbol.asyncDispose]: async () => {
        if (disposed) return;
        disposed = true;
        miner[Symbol.dispose]();
        await server[Symbol.asyncDispose]();
        await embedded[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await embedded[Symbol.asyncDispose]();
    throw error;
  }
}

function mineAtIntervals(network: SimulatedNetwork, seconds: number, { clock, logger }: SimnetDependencies): Disposable {
  if (seconds === 0) return { [Symbol.dispose]: () => {} };
  const mine = () => {
    timer = clock.setTimer(seconds * 1000, mine);
    try {
      network.chain.mine(1);
    } catch (error) {
      logger.error({ err: error }, 'the simulated network could not mine a block');
    }
  };
  let timer = clock.setTimer(seconds * 1000, mine);
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
