import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Random } from '../../core/ports/random.ts';
import type { WebhookConfig } from '../config.ts';
import type { InvoiceEvent } from '../event.ts';
import type { DeadLetter } from '../outbox/consumers.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Position } from '../position.ts';
import { readLongSecret } from '../tokens.ts';
import { post } from './post.ts';
import { sign } from './signature.ts';

/** What {@link Webhook} leans on. */
export interface WebhookDependencies {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How a webhook stands, for people. */
export interface WebhookState {
  /** Tries of the event that is due, all of which failed. */
  readonly failures: number;
  /** Why the last one did. */
  readonly lastError: string | undefined;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
const PAGE = 50;
const HOUR_MS = 3_600_000;
/** So often somebody is told in the log that a webhook does not take what is due. */
const SAID_EVERY = 10;

/**
 * Posts the events of an outbox, one after the other in their order, each until it is taken: at least once. One that is not taken for
 * too long is set aside and reported, and the next ones get their turn.
 */
export class Webhook {
  readonly #config: WebhookConfig;
  readonly #dependencies: WebhookDependencies;
  #failures = 0;
  #lastError: string | undefined;

  constructor(config: WebhookConfig, dependencies: WebhookDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
  }

  get state(): WebhookState {
    return { failures: this.#failures, lastError: this.#lastError };
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { outbox, clock, logger } = this.#dependencies;
    while (!signal.aborted) {
      const appended = nextAppend(outbox, signal);
      try {
        if (await this.#turn(signal)) appended.cancel();
        else await appended.promise;
      } catch (error) {
        appended.cancel();
        if (signal.aborted) return;
        // The outbox: a full disk, most likely. What was taken and not noted is posted again.
        logger.warn({ err: error, retryInMs: FIRST_PAUSE_MS }, 'a webhook can not go on; trying again');
        await clock.sleep(FIRST_PAUSE_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Posts what is due, some of it at most. False: nothing is. */
  async #turn(signal: AbortSignal): Promise<boolean> {
    const { outbox } = this.#dependencies;
    const { name, events: kinds } = this.#config;
    const position = this.#position();
    const events = outbox.after(position.offset, PAGE);
    let passed: Position | undefined;
    for (const event of events) {
      if (signal.aborted) return true;
      if (kinds.includes(event.kind)) {
        const fate = await this.#deliver(event, signal);
        if (fate === 'stopped') return true;
        outbox.consumers.delivered(name, event, fate === 'taken' ? undefined : fate);
        passed = undefined;
      } else passed = event;
    }
    if (passed !== undefined) outbox.consumers.delivered(name, passed);
    return events.length > 0;
  }

  /** Where it stands; what ran over before it was taken is reported. */
  #position(): Position {
    const { outbox, clock, logger } = this.#dependencies;
    const { name } = this.#config;
    const position = outbox.consumers.get(name, 'webhook')?.position ?? outbox.head;
    const lost = outbox.floor.offset - position.offset;
    if (lost <= 0) return position;
    const reason = `${lost} events ran over the outbox's bound before they were taken (outbox.maxEvents)`;
    logger.error({ lost, from: position.offset + 1, to: outbox.floor.offset }, `dead end: ${reason}`);
    const at = clock.now();
    outbox.consumers.delivered(name, outbox.floor, { webhook: name, offset: outbox.floor.offset, event: 'null', reason, at });
    return outbox.floor;
  }

  /** Posts an event until it is taken, or a dead letter. */
  async #deliver(event: InvoiceEvent, signal: AbortSignal): Promise<'taken' | 'stopped' | DeadLetter> {
    const { clock, logger } = this.#dependencies;
    const { name, url, timeoutSeconds, giveUpHours } = this.#config;
    const body = bodyOf(event, this.#dependencies.outbox);
    this.#failures = 0;
    for (;;) {
      const secret = await readLongSecret(this.#config.secret, `webhooks.${name}.secret`);
      const headers = sign(secret, event.id, clock.now(), body);
      const outcome = await post({ url, headers, body, timeoutMs: timeoutSeconds * 1000, signal });
      if (outcome.taken) {
        this.#failures = 0;
        this.#lastError = undefined;
        return 'taken';
      }
      this.#failures += 1;
      if (signal.aborted) return 'stopped';
      this.#lastError = outcome.reason;
      const { reason, gone, retryAfterMs } = outcome;
      if (gone || clock.now() - event.at >= giveUpHours * HOUR_MS) {
        logger.error(
          { offset: event.offset, id: event.id, tries: this.#failures, reason },
          'dead end: an event was never taken, and is set aside',
        );
        return { webhook: name, offset: event.offset, event: body, reason, at: clock.now() };
      }
      const pause = Math.max(this.#pause(), retryAfterMs ?? 0);
      const say = this.#failures === 1 || this.#failures % SAID_EVERY === 0;
      const fields = { offset: event.offset, id: event.id, tries: this.#failures, reason, retryInMs: Math.round(pause) };
      if (say) logger.warn(fields, 'the webhook did not take an event; trying again');
      await clock.sleep(pause, signal).catch(() => undefined);
      if (signal.aborted) return 'stopped';
    }
  }

  /** Doubles with every failure, spread over half of it, so that many don't come at once. */
  #pause(): number {
    const step = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.#failures - 1, 20), LONGEST_PAUSE_MS);
    const byte = this.#dependencies.random.bytes(1)[0] ?? 0;
    return step / 2 + (step / 2) * (byte / 255);
  }
}

/** What is posted: the event, without what is the listener's own business. */
function bodyOf({ id, kind, at, offset, invoice }: InvoiceEvent, { node }: Outbox): string {
  return JSON.stringify({ id, kind, at, offset, network: node?.network, nodeId: node?.nodeId, invoice });
}

/** Resolves at the next append, or when the signal is aborted. */
function nextAppend(outbox: Outbox, signal: AbortSignal): { readonly promise: Promise<void>; readonly cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const appended = outbox.onAppended(() => done());
  const done = (): void => {
    appended[Symbol.dispose]();
    signal.removeEventListener('abort', done);
    resolve();
  };
  if (signal.aborted) done();
  else signal.addEventListener('abort', done, { once: true });
  return { promise, cancel: done };
}
