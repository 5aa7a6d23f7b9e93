import type { Msat } from '../lightning/amount.ts';
import { CircuitBreaker } from '../lightning/circuit-breaker.ts';
import { LightningError } from '../lightning/errors.ts';
import type { Invoice } from '../lightning/invoice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { TickerplantError } from './errors.ts';
import type { KnownNode, SellerBackend, SellerNode } from './seller-node.ts';

/** What invoicing leans on. */
export interface InvoicingDependencies {
  readonly node: SellerNode;
  readonly backend: SellerBackend;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly expirySeconds: number;
}

const INVOICE_TIMEOUT_MS = 15_000;

/** Invoices from the seller's node, in time or not at all; a node that is away is spared (see {@link CircuitBreaker}). */
export class Invoicing {
  readonly #dependencies: InvoicingDependencies;
  readonly #reaching: CircuitBreaker;
  readonly #invoicing: CircuitBreaker;

  constructor(dependencies: InvoicingDependencies) {
    this.#dependencies = dependencies;
    this.#reaching = new CircuitBreaker({ clock: dependencies.clock });
    this.#invoicing = new CircuitBreaker({ clock: dependencies.clock });
  }

  /** A new invoice; `description` is shown to the payer, at most 639 bytes; `expirySeconds`: where not all last equally long. @throws TickerplantError `NODE_UNAVAILABLE`. */
  async invoice(label: string, amountMsat: Msat, description: string, expirySeconds?: number): Promise<Invoice> {
    const { backend, clock } = this.#dependencies;
    const request = { amountMsat, description, expirySeconds: expirySeconds ?? this.#dependencies.expirySeconds, label };
    const giveUp = new AbortController();
    const timer = clock.setTimer(INVOICE_TIMEOUT_MS, () => giveUp.abort());
    const create = async () => {
      try {
        return await backend.invoices.create(request, { signal: giveUp.signal });
      } catch (error) {
        if (!giveUp.signal.aborted) throw error;
        throw new LightningError('TIMEOUT', `no invoice within ${INVOICE_TIMEOUT_MS} ms`, { operation: 'create', cause: error });
      }
    };
    try {
      return await this.#invoicing.run('create', create);
    } catch (error) {
      throw this.#unavailable(error);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** The node behind the invoices. @throws TickerplantError `NODE_UNAVAILABLE`. */
  async node(): Promise<KnownNode> {
    try {
      return await this.#reaching.run('identity', () => this.#dependencies.node.known());
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  #unavailable(error: unknown): TickerplantError {
    this.#dependencies.logger.warn({ err: error }, 'the Lightning node gave no invoice');
    return new TickerplantError('NODE_UNAVAILABLE', "the seller's Lightning node can not make invoices right now; try again later", {
      cause: error,
    });
  }
}
