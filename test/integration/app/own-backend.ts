import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import {
  type CreateInvoice,
  type Invoice,
  LightningError,
  type Msat,
  type NodeId,
  type PaymentHash,
  type SellerBackend,
  type SettlementCursor,
  type SettlementEvent,
} from '../../../src/index.ts';

/** A caller's own backend: somebody else's ledger of invoices, with nothing of ours in it but the interface. */
export class OwnBackend implements SellerBackend {
  readonly #invoices = new Map<string, Invoice>();
  readonly #settled: Invoice[] = [];
  readonly #changed = new EventEmitter();
  /** While true, the node does not answer. */
  away = false;

  readonly node: SellerBackend['node'] = {
    info: async () => {
      throw new LightningError('UNAUTHENTICATED', 'not with this credential', { operation: 'info' });
    },
    identity: async () => {
      this.#answer();
      return { network: 'regtest', nodeId: `02${'1'.repeat(64)}` as NodeId };
    },
  };

  readonly invoices: SellerBackend['invoices'] = {
    create: async (request: CreateInvoice) => {
      this.#answer();
      const hash = createHash('sha256').update(randomBytes(32)).digest('hex') as PaymentHash;
      const now = Date.now();
      const invoice: Invoice = {
        paymentHash: hash,
        paymentRequest: `lnbcrt-own-${hash}`,
        amountMsat: request.amountMsat === 'any' ? undefined : request.amountMsat,
        description: typeof request.description === 'string' ? request.description : undefined,
        descriptionHash: undefined,
        state: 'open',
        receivedMsat: 0n as Msat,
        createdAt: now,
        expiresAt: now + request.expirySeconds * 1000,
        settledAt: undefined,
        label: request.label,
        index: undefined,
      };
      this.#invoices.set(hash, invoice);
      return invoice;
    },
    lookup: async (hash) => this.#invoices.get(hash),
    list: async () => ({ items: [...this.#invoices.values()], next: undefined }),
    cancel: async () => undefined,
    settleHeld: async () => {
      throw new LightningError('UNSUPPORTED', 'no hold invoices', { operation: 'settleHeld' });
    },
    settlementsHead: async () => String(this.#settled.length) as SettlementCursor,
    settlements: (options = {}) => this.#settlements(Number(options.after ?? 0), options.signal),
  };

  /** As if somebody had paid. */
  pay(paymentRequest: string): void {
    const invoice = [...this.#invoices.values()].find((each) => each.paymentRequest === paymentRequest);
    if (invoice === undefined) throw new Error('no such invoice');
    this.#settled.push({ ...invoice, state: 'settled', receivedMsat: invoice.amountMsat ?? (0n as Msat), settledAt: Date.now() });
    this.#changed.emit('settled');
  }

  async *#settlements(after: number, signal: AbortSignal | undefined): AsyncGenerator<SettlementEvent> {
    for (let position = after; signal?.aborted !== true; ) {
      const invoice = this.#settled[position];
      if (invoice === undefined) {
        yield { kind: 'caught-up', cursor: String(position) as SettlementCursor };
        await once(this.#changed, 'settled', signal === undefined ? {} : { signal }).catch(() => undefined);
        continue;
      }
      position += 1;
      const { paymentHash, amountMsat, receivedMsat, settledAt, expiresAt, label } = invoice;
      yield {
        kind: 'settled',
        cursor: String(position) as SettlementCursor,
        settlement: { paymentHash, amountMsat, receivedMsat, settledAt: settledAt ?? 0, expiresAt, label },
      };
    }
  }

  #answer(): void {
    if (this.away) throw new LightningError('UNAVAILABLE', 'the node is away', { operation: 'call' });
  }
}
