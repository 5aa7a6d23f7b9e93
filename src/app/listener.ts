import type { LightningBackend } from '../core/lightning/backend.ts';
import { LightningError } from '../core/lightning/errors.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { PaymentIntents } from '../core/ports/payment-intents.ts';
import type { Random } from '../core/ports/random.ts';
import { startListener } from '../listener/listener.ts';
import { openOutbox } from '../listener/outbox/outbox.ts';
import { outboxSettlementLog } from '../listener/outbox/settlement-log.ts';
import type { ListenerStatus } from '../listener/status.ts';
import type { ListenerFileConfig } from './config/parse.ts';
import { Disposal } from './disposal.ts';
import { systemClock, systemRandom } from './system.ts';

/** How a listener is started, beside its config. */
export interface RunListenerOptions {
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A listener that runs. */
export interface RunningListener extends AsyncDisposable {
  /** Where servers follow it: their `listener.url`. */
  readonly url: string;
  /** Rejects where it can't go on; never settles otherwise. */
  readonly failed: Promise<never>;
  status(): ListenerStatus;
  /** Ends its connections, writes down what was acknowledged, closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts the listener of a config: outbox, backend, servers, webhooks. A node that is away is no error.
 * @throws ListenerError, ListenError, TlsError, with nothing left open.
 */
export async function runListener(config: ListenerFileConfig, options: RunListenerOptions): Promise<RunningListener> {
  const { logger, clock = systemClock, random = systemRandom } = options;
  const disposal = new Disposal();
  try {
    const outbox = openOutbox({ path: config.outbox.path, clock, random });
    disposal.add(() => outbox[Symbol.dispose]());
    const { kind, definition } = config.backend;
    const dependencies = {
      clock,
      random,
      logger: logger.child({ part: kind }),
      intents: NO_INTENTS,
      settlementLog: outboxSettlementLog(outbox),
    };
    const backend = await definition.create(config.backend.config as never, dependencies);
    disposal.add(() => backend[Symbol.asyncDispose]());
    const listener = await startListener({ config, backend, outbox, clock, random, logger });
    disposal.add(() => listener.stop());
    const asking = new AbortController();
    disposal.add(() => asking.abort());
    void tellOfRights(backend, logger, asking.signal);
    const stop = () => disposal[Symbol.asyncDispose]();
    return { url: listener.url, failed: listener.failed, status: () => listener.status(), stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await disposal[Symbol.asyncDispose]().catch((second: unknown) =>
      logger.warn({ err: second }, 'closing again what had been opened failed'),
    );
    throw error;
  }
}

/** A listener that is broken into should have nothing to spend: says so where it could be had and is not. */
async function tellOfRights(backend: LightningBackend, logger: Logger, signal: AbortSignal): Promise<void> {
  if (!backend.capabilities.invoiceOnlyCredential) return;
  try {
    await backend.wallet.balance({ signal });
  } catch {
    return;
  }
  logger.warn({}, 'this credential can do more than invoices, which the listener does not need (of lnd, macaroon: invoice.macaroon)');
}

const refused = async (): Promise<never> => {
  throw new LightningError('UNSUPPORTED', 'a listener pays nothing', { operation: 'pay' });
};

/** It has no memory of payments, so it must not make any. */
const NO_INTENTS: PaymentIntents = { find: refused, findKeysend: refused, begin: refused, record: refused };
