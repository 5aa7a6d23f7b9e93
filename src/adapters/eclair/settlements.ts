import type { NodeIdentity } from '../../core/lightning/backend.ts';
import type { CallOptions } from '../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../core/lightning/errors.ts';
import type { PaymentHash } from '../../core/lightning/identifiers.ts';
import type { FollowSettlements, SettlementCursor, SettlementEvent } from '../../core/lightning/settlement.ts';
import { aborted, anySignal } from '../shared/abort.ts';
import type { AdapterDependencies } from '../shared/definition.ts';
import { followThroughOutages } from '../shared/follow.ts';
import type { EclairClient } from './client.ts';
import { EclairEvents } from './events.ts';
import { fromCursor, toCursor } from './mapping-invoices.ts';
import { ReceivedWatch } from './received-watch.ts';
import { receivedEventSchema } from './schema-invoices.ts';

const OPERATION = 'invoices.settlements';
const LOOK_MS = 30_000;
/** Without the WebSocket the record is all there is: it is looked at more often. */
const LOOK_WITHOUT_HINTS_MS = 5_000;
const LOG_PAGE = 100;

/**
 * Settlements in the order of their first observation, which the log that is handed in keeps: eclair has no order of its
 * own. `/ws` hints at which invoice to look; what counts is the record, compared with at each connection and regularly.
 */
export class EclairSettlements {
  readonly #client: EclairClient;
  readonly #dependencies: AdapterDependencies;
  readonly #labelOf: (hash: PaymentHash) => string | undefined;

  constructor(client: EclairClient, dependencies: AdapterDependencies, labelOf: (hash: PaymentHash) => string | undefined) {
    this.#client = client;
    this.#dependencies = dependencies;
    this.#labelOf = labelOf;
  }

  async head(options: CallOptions): Promise<SettlementCursor> {
    const node = await this.#client.identity(options.signal);
    await this.#watch(node).look('since checkpoint', options.signal);
    return toCursor(await this.#dependencies.settlementLog.head(node));
  }

  follow(options: FollowSettlements): AsyncIterable<SettlementEvent> {
    const stream = new Stream(this.#client, this.#dependencies, options.after, (node) => this.#watch(node));
    return followThroughOutages<SettlementEvent>({
      clock: this.#client.clock,
      random: this.#dependencies.random,
      signal: anySignal(options.signal, this.#client.disposed),
      onStatus: options.onStatus,
      session: (signal, live) => stream.session(signal, live),
    });
  }

  #watch(node: NodeIdentity): ReceivedWatch {
    return new ReceivedWatch(this.#client, this.#dependencies.settlementLog, node, this.#labelOf);
  }
}

/** One consumer's stream, through all of its connections. */
class Stream {
  readonly #client: EclairClient;
  readonly #dependencies: AdapterDependencies;
  readonly #after: SettlementCursor | undefined;
  readonly #watch: (node: NodeIdentity) => ReceivedWatch;
  #position: number | undefined;

  constructor(
    client: EclairClient,
    dependencies: AdapterDependencies,
    after: SettlementCursor | undefined,
    watch: (node: NodeIdentity) => ReceivedWatch,
  ) {
    this.#client = client;
    this.#dependencies = dependencies;
    this.#after = after;
    this.#watch = watch;
  }

  async *session(signal: AbortSignal, live: () => void): AsyncGenerator<SettlementEvent> {
    this.#position ??= fromCursor(this.#after);
    // A node that was away may be another one now: nothing that was known before counts.
    this.#client.forget();
    const hints = new Hints();
    let events = await this.#listen(hints, signal);
    try {
      const node = await this.#client.reached(OPERATION, signal);
      const watch = this.#watch(node);
      await watch.look('since checkpoint', signal);
      const head = await this.#dependencies.settlementLog.head(node);
      if (this.#position > head) {
        this.#client.logger.warn(
          { cursor: this.#position, head },
          'the settlement cursor is ahead of the log: the log was lost; all is told again',
        );
        this.#position = 0;
      }
      yield* this.#drain(node);
      live();
      yield { kind: 'caught-up', cursor: toCursor(this.#position) };
      let lookAt = this.#client.clock.now() + LOOK_MS;
      for (;;) {
        const every = events === undefined ? LOOK_WITHOUT_HINTS_MS : LOOK_MS;
        lookAt = Math.min(lookAt, this.#client.clock.now() + every);
        if (events?.isLost !== true) await hints.wait(this.#client, lookAt - this.#client.clock.now(), signal);
        if (events?.isLost) throw new LightningError('CONNECTION_LOST', "eclair's WebSocket has ended", { operation: OPERATION });
        await watch.observe(hints.take(), signal);
        if (this.#client.clock.now() >= lookAt) {
          events ??= await this.#listen(hints, signal);
          await watch.look('since last look', signal);
          lookAt = this.#client.clock.now() + LOOK_MS;
        }
        yield* this.#drain(node);
      }
    } finally {
      events?.close();
    }
  }

  /** The WebSocket, or undefined where there is none to be had: then the record alone is followed. */
  async #listen(hints: Hints, signal: AbortSignal): Promise<EclairEvents | undefined> {
    try {
      const events = await EclairEvents.open(this.#client, OPERATION, signal, (message) => hints.add(message));
      events.onLost(() => hints.wake());
      return events;
    } catch (error) {
      if (signal.aborted || isLightningError(error, 'ABORTED')) throw error;
      this.#client.logger.debug({ error: (error as Error).message }, "eclair's WebSocket can't be opened; its record is followed without");
      return undefined;
    }
  }

  async *#drain(node: NodeIdentity): AsyncGenerator<SettlementEvent> {
    for (;;) {
      const observed = await this.#dependencies.settlementLog.after(node, this.#position ?? 0, LOG_PAGE);
      for (const { position, settlement } of observed) {
        this.#position = position;
        yield { kind: 'settled', cursor: toCursor(position), settlement };
      }
      if (observed.length < LOG_PAGE) return;
    }
  }
}

/** Payment hashes that the WebSocket has told of, and a bell. */
class Hints {
  #hashes = new Set<string>();
  #ring: (() => void) | undefined;

  add(message: unknown): void {
    const event = receivedEventSchema.safeParse(message);
    if (!event.success) return;
    this.#hashes.add(event.data.paymentHash);
    this.wake();
  }

  wake(): void {
    this.#ring?.();
  }

  take(): ReadonlySet<string> {
    const taken = this.#hashes;
    this.#hashes = new Set();
    return taken;
  }

  /** Resolves when there is a hint, when woken, or when the time is up. @throws LightningError `ABORTED`. */
  async wait(client: EclairClient, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw aborted(OPERATION);
    if (this.#hashes.size > 0) return;
    await new Promise<void>((resolve) => {
      const timer = client.clock.setTimer(Math.max(0, timeoutMs), () => done());
      const done = () => {
        timer[Symbol.dispose]();
        signal.removeEventListener('abort', done);
        this.#ring = undefined;
        resolve();
      };
      this.#ring = done;
      signal.addEventListener('abort', done, { once: true });
    });
    if (signal.aborted) throw aborted(OPERATION);
  }
}
