import type { LndContext } from '../../../src/adapters/lnd/backend/context.ts';
import type { LndCall, LndCaller } from '../../../src/adapters/lnd/client/client.ts';
import type { CallOptions } from '../../../src/core/lightning/common.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { nodeId } from '../../../src/core/lightning/identifiers.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryIntents } from '../../support/memory-intents.ts';
import { recorded } from './fixtures.ts';

interface RawInvoice {
  readonly add_index: string;
  readonly r_hash: Buffer;
  state: string;
  settle_index: string;
}

interface Subscriber {
  readonly after: bigint;
  readonly queue: RawInvoice[];
  wake: () => void;
  broken: boolean;
}

/** The invoice part of lnd as its registry behaves, in the raw form of its messages: list in order of adding, stream after a settle index. */
export class FakeLnd implements LndCaller {
  readonly invoices: RawInvoice[] = [];
  /** Called before each page of the list is answered. */
  beforePage: (offset: number) => void = () => {};
  /** The stream says nothing of what is settled, as a dead connection would. */
  deaf = false;
  away = false;
  reconnects = 0;
  #settled = 0n;
  readonly #subscribers = new Set<Subscriber>();

  /** Adds so many open invoices. */
  add(count: number): void {
    for (let made = 0; made < count; made += 1) {
      const index = this.invoices.length + 1;
      const raw = recorded('invoice-open') as Record<string, unknown>;
      const r_hash = Buffer.alloc(32, 0);
      r_hash.writeUInt32BE(index);
      this.invoices.push({ ...raw, add_index: String(index), r_hash, state: 'OPEN', settle_index: '0' } as never);
    }
  }

  settle(...addIndexes: readonly number[]): void {
    for (const index of addIndexes) {
      const invoice = this.#invoice(index);
      this.#settled += 1n;
      invoice.state = 'SETTLED';
      invoice.settle_index = this.#settled.toString();
      Object.assign(invoice, { amt_paid_msat: '12345', settle_date: '1795000000' });
      if (!this.deaf) for (const subscriber of this.#subscribers) this.#tell(subscriber, { ...invoice });
    }
  }

  cancel(index: number): void {
    this.#invoice(index).state = 'CANCELED';
  }

  /** Ends every stream, as a restart does. */
  cut(): void {
    for (const subscriber of this.#subscribers) {
      subscriber.broken = true;
      subscriber.wake();
    }
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  reconnect(): void {
    this.reconnects += 1;
    this.cut();
  }

  async unary<T>(call: LndCall<T>): Promise<T> {
    if (this.away) throw new LightningError('UNAVAILABLE', 'away', { operation: call.operation });
    if (call.method !== 'listInvoices') throw new Error(`not played: ${call.method}`);
    const offset = Number(call.request['index_offset']);
    this.beforePage(offset);
    const page = this.invoices.slice(offset, offset + Number(call.request['num_max_invoices']));
    return call.schema.parse({ invoices: page, last_index_offset: page.at(-1)?.add_index ?? '0' });
  }

  async *stream<T>(call: LndCall<T>, { signal }: CallOptions = {}): AsyncGenerator<T, void, undefined> {
    if (this.away) throw new LightningError('UNAVAILABLE', 'away', { operation: call.operation });
    const after = BigInt(String(call.request['settle_index']));
    // lnd: 0 means "no backlog".
    const backlog = after === 0n ? [] : this.invoices.filter(({ settle_index }) => BigInt(settle_index) > after);
    backlog.sort((one, other) => Number(one.settle_index) - Number(other.settle_index));
    const subscriber: Subscriber = { after, queue: backlog, wake: () => {}, broken: false };
    this.#subscribers.add(subscriber);
    const wake = (): void => subscriber.wake();
    signal?.addEventListener('abort', wake);
    try {
      for (;;) {
        for (let next = subscriber.queue.shift(); next !== undefined; next = subscriber.queue.shift()) yield call.schema.parse(next);
        if (signal?.aborted) throw new LightningError('ABORTED', 'aborted', { operation: call.operation });
        if (subscriber.broken) throw new LightningError('CONNECTION_LOST', 'cut', { operation: call.operation });
        await new Promise<void>((resolve) => {
          subscriber.wake = resolve;
        });
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      this.#subscribers.delete(subscriber);
    }
  }

  #tell(subscriber: Subscriber, invoice: RawInvoice): void {
    subscriber.queue.push(invoice);
    subscriber.wake();
  }

  #invoice(index: number): RawInvoice {
    const invoice = this.invoices[index - 1];
    if (invoice === undefined) throw new Error(`no invoice ${index}`);
    return invoice;
  }
}

/** A context around a fake node, with a clock that is moved by hand. */
export function contextOf(client: FakeLnd): LndContext & { readonly clock: ManualClock } {
  return {
    client,
    clock: new ManualClock(),
    random: { bytes: (length) => new Uint8Array(length).fill(7) },
    logger: silentLogger,
    intents: new MemoryIntents(),
    settlementLog: new Proxy({} as LndContext['settlementLog'], {}),
    network: 'regtest',
    identity: async () => ({ network: 'regtest', nodeId: nodeId(`02${'ab'.repeat(32)}`) }),
  };
}
