import { readFile } from 'node:fs/promises';
import { followThroughOutages } from '../../adapters/shared/follow.ts';
import type { SettlementCursor, StreamStatus } from '../../core/lightning/settlement.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Random } from '../../core/ports/random.ts';
import type { FollowSource, SettlementSource, SettlementSourceName, SourcedEvent } from '../../core/ports/settlement-source.ts';
import { nodeEvents } from '../../core/tickerplant/node-source.ts';
import type { SellerBackend, SellerNode } from '../../core/tickerplant/seller-node.ts';
import type { ListenerClientConfig } from '../config.ts';
import { ListenerError } from '../errors.ts';
import { type InvoiceEvent, toSettlement } from '../event.ts';
import { formatPosition, type Position, parsePosition } from '../position.ts';
import { type Hello, PROTOCOL_VERSION } from '../protocol.ts';
import { readToken } from '../tokens.ts';
import { ListenerConnection } from './connection.ts';

/** What {@link listenerSource} leans on. */
export interface ListenerSourceDependencies {
  /** The node that the invoices are made at: the listener must be of the same. */
  readonly node: Pick<SellerNode, 'known'>;
  /** Asked once, where the ledger has no position in the listener's outbox. */
  readonly backend: SellerBackend;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Settlements from a listener, for a server that asks its node for invoices only. Positions are kept per outbox. Where there is none
 * in the one that answers (a first start, a switch from one process to two, an outbox that was replaced, emptied or restored), the
 * node itself is compared with first, from the position that the ledger has there; then the outbox is followed from the end that it
 * had before that. Nothing is skipped, and what comes twice has its effect once.
 */
export function listenerSource(config: ListenerClientConfig, dependencies: ListenerSourceDependencies): SettlementSource {
  return { events: (options) => new Following(config, dependencies, options).events() };
}

/** Reads the certificate that a listener's is checked by. @throws ListenerError `SECRET`. */
export async function readCa(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ListenerError('SECRET', `listener.caFile: ${file} can't be read (${error.code ?? 'unknown error'})`, { cause: error });
  });
}

class Following {
  readonly #config: ListenerClientConfig;
  readonly #dependencies: ListenerSourceDependencies;
  readonly #options: FollowSource;
  #lastOutbox: string | undefined;

  constructor(config: ListenerClientConfig, dependencies: ListenerSourceDependencies, options: FollowSource) {
    this.#config = config;
    this.#dependencies = dependencies;
    this.#options = options;
  }

  events(): AsyncIterable<SourcedEvent> {
    const { clock, random } = this.#dependencies;
    const { signal, onStatus } = this.#options;
    return followThroughOutages<SourcedEvent>({ clock, random, signal, onStatus, session: (ended, live) => this.#session(ended, live) });
  }

  async *#session(signal: AbortSignal, live: () => void): AsyncGenerator<SourcedEvent> {
    const { identity } = await this.#dependencies.node.known();
    const connection = await this.#connect(signal);
    try {
      const { hello } = connection;
      assertSame(hello, identity);
      const source: SettlementSourceName = `outbox:${hello.outbox}`;
      const committed = await this.#options.committed(identity, source);
      let after = committed === undefined ? undefined : parsePosition(committed);
      this.#noteOutbox(hello, after);
      if (after === undefined) {
        yield* this.#compareWithNode(signal);
        after = hello.head;
        yield caughtUp(identity, source, after);
      }
      connection.send({ type: 'follow', after, kinds: ['settled', 'duplicate'] });
      yield* this.#follow(connection, source, signal, live);
    } finally {
      connection[Symbol.dispose]();
    }
  }

  async *#follow(
    connection: ListenerConnection,
    source: SettlementSourceName,
    signal: AbortSignal,
    live: () => void,
  ): AsyncGenerator<SourcedEvent> {
    const { logger } = this.#dependencies;
    const { node, head } = connection.hello;
    let hasCompared = false;
    for (;;) {
      const message = await connection.next();
      switch (message.type) {
        case 'event':
          yield* eventOf(message.event, node, source);
          // Asked for the next one: this one is committed.
          connection.send({ type: 'ack', position: positionOf(message.event) });
          break;
        case 'caught-up':
          live();
          yield caughtUp(node, source, message.position);
          connection.send({ type: 'ack', position: message.position });
          break;
        case 'node-lost':
          this.#options.onStatus(nodeLost(message.reason));
          break;
        case 'unknown-position':
          if (hasCompared) throw new ListenerError('CONNECTION_LOST', "the listener's outbox lost what had not been taken yet");
          hasCompared = true;
          logger.warn(
            { reason: message.reason, outbox: source },
            "the listener's outbox does not have the ledger's position: it was emptied, restored or ran over; comparing with the node",
          );
          yield* this.#compareWithNode(signal);
          yield caughtUp(node, source, head);
          connection.send({ type: 'follow', after: head, kinds: ['settled', 'duplicate'] });
          break;
        case 'hello':
          throw new ListenerError('PROTOCOL', 'the listener said twice who it is');
      }
    }
  }

  async #connect(signal: AbortSignal): Promise<ListenerConnection> {
    const { url, caFile } = this.#config;
    const token = await readToken(this.#config.token, 'listener.token');
    const ca = await readCa(caFile);
    return await ListenerConnection.open({ url, token, ca, clock: this.#dependencies.clock, signal });
  }

  /** Everything that the node itself has after the ledger's position there. */
  async *#compareWithNode(signal: AbortSignal): AsyncGenerator<SourcedEvent> {
    const { node, backend, logger } = this.#dependencies;
    const enough = new AbortController();
    const options = { signal: AbortSignal.any([signal, enough.signal]), onStatus: () => undefined, committed: this.#options.committed };
    try {
      for await (const sourced of nodeEvents(node, backend, options)) {
        yield sourced;
        if (sourced.event.kind !== 'caught-up') continue;
        logger.info({}, 'compared with the node: whatever it had settled has had its effect');
        return;
      }
    } finally {
      enough.abort();
    }
    throw new ListenerError('CONNECTION_LOST', 'stopped');
  }

  #noteOutbox({ outbox, head }: Hello, after: Position | undefined): void {
    const { logger } = this.#dependencies;
    if (after !== undefined) logger.info({ outbox, after: after.offset, head: head.offset }, 'following the listener');
    else if (this.#lastOutbox !== undefined && this.#lastOutbox !== outbox)
      logger.warn({ outbox, before: this.#lastOutbox }, 'the listener has another outbox than before; comparing with the node');
    else logger.info({ outbox }, 'the ledger has no position in this outbox yet; comparing with the node');
    this.#lastOutbox = outbox;
  }
}

function assertSame({ version, node }: Hello, own: { readonly network: string; readonly nodeId: string }): void {
  if (version !== PROTOCOL_VERSION) {
    throw new ListenerError(
      'PROTOCOL',
      `the listener speaks version ${version} and this server ${PROTOCOL_VERSION}; let both be of one version`,
    );
  }
  if (node.network === own.network && node.nodeId === own.nodeId) return;
  const text = `the listener follows node ${node.nodeId} (${node.network}), and invoices are made at ${own.nodeId} (${own.network})`;
  throw new ListenerError('OTHER_NODE', `${text}: both need the backend of one node`);
}

function* eventOf(event: InvoiceEvent, node: Hello['node'], source: SettlementSourceName): Generator<SourcedEvent> {
  const { kind, nodeCursor } = event;
  if (kind !== 'settled' && kind !== 'duplicate') return;
  const settlement = toSettlement(event);
  if (settlement === undefined) throw new ListenerError('PROTOCOL', 'a settlement without its amount or time');
  yield { node, source, nodeCursor, event: { kind, cursor: cursorOf(positionOf(event)), settlement } };
}

function caughtUp(node: Hello['node'], source: SettlementSourceName, position: Position): SourcedEvent {
  return { node, source, event: { kind: 'caught-up', cursor: cursorOf(position) } };
}

function positionOf({ offset, mark }: Position): Position {
  return { offset, mark };
}

function cursorOf(position: Position): SettlementCursor {
  return formatPosition(position) as SettlementCursor;
}

function nodeLost(reason: string): StreamStatus {
  return { state: 'lost', error: new ListenerError('UNAVAILABLE', `the listener does not reach the node: ${reason}`), retryInMs: 0 };
}
