import type { NodeIdentity } from '../../core/lightning/backend.ts';
import { type PaymentHash, paymentHash } from '../../core/lightning/identifiers.ts';
import type { Settlement } from '../../core/lightning/settlement.ts';
import type { SettlementLog } from '../../core/ports/settlement-log.ts';
import type { EclairClient } from './client.ts';
import { isRefusal } from './http-answer.ts';
import { FAR_FUTURE_SECONDS } from './invoice-list.ts';
import { toSettlement } from './mapping-invoices.ts';
import { type EclairReceived, invoicesSchema, receivedListSchema, receivedSchema } from './schema-invoices.ts';

const OPERATION = 'invoices.settlements';
const PAGE = 500;
const AT_ONCE = 8;
/** How long after its expiry an invoice may still be settled by parts that had arrived before; eclair waits a minute. */
const LINGER_MS = 600_000;
/** How far back invoices made since the last look are looked for: by the node's own clock, and by ours. */
const MARGIN_SECONDS = { known: 120, guessed: 900, connecting: 3 * 3600 } as const;

/** Which settlements a look compares with: all since the stored checkpoint, or those since the last look. */
export type Look = 'since checkpoint' | 'since last look';

/**
 * Finds out what was paid, from the node's record alone. `listreceivedpayments` filters by when an invoice was made, not
 * paid; so each look first takes the list of open invoices: whatever is paid after it was either open then, or is made
 * later. The oldest open one is how far back the next look has to go, and is kept as the checkpoint.
 */
export class ReceivedWatch {
  readonly #client: EclairClient;
  readonly #log: SettlementLog;
  readonly #node: NodeIdentity;
  readonly #labelOf: (hash: PaymentHash) => string | undefined;
  /** Open at the last look, with the second each was made in; and since when it was seen to be open no more. */
  #open = new Map<string, { readonly madeAt: number; readonly goneAt: number | undefined }>();
  #lastLook = 0;

  constructor(client: EclairClient, log: SettlementLog, node: NodeIdentity, labelOf: (hash: PaymentHash) => string | undefined) {
    this.#client = client;
    this.#log = log;
    this.#node = node;
    this.#labelOf = labelOf;
  }

  /** Compares with the node and appends what is new to the log. */
  async look(how: Look, signal: AbortSignal | undefined): Promise<void> {
    const began = this.#client.clock.now();
    const pending = await this.#pending(signal);
    const nodeSecond = Math.floor((this.#client.nodeNow() - (this.#client.clock.now() - began)) / 1000);
    const from = how === 'since checkpoint' ? await this.#checkpoint() : this.#lastLook - this.#margin();
    const received = await this.#received(Math.max(0, from), signal);
    const known = new Set(received.map(({ invoice }) => invoice.paymentHash));
    const stillOpen = new Map<string, { readonly madeAt: number; readonly goneAt: number | undefined }>();
    for (const [hash, madeAt] of pending) stillOpen.set(hash, { madeAt, goneAt: undefined });
    const gone = [...this.#open].filter(([hash]) => !stillOpen.has(hash) && !known.has(hash));
    for (let at = 0; at < gone.length; at += AT_ONCE) {
      const some = gone.slice(at, at + AT_ONCE);
      const found = await Promise.all(some.map(([hash]) => this.#ask(hash, signal)));
      for (const [index, one] of found.entries()) {
        const [hash, { madeAt, goneAt = began }] = some[index] as (typeof gone)[number];
        if (one?.status.type === 'received') received.push(one);
        else if (one !== undefined && began - goneAt < LINGER_MS) stillOpen.set(hash, { madeAt, goneAt });
      }
    }
    await this.#append(received);
    this.#open = stillOpen;
    this.#lastLook = nodeSecond;
    const oldest = Math.min(nodeSecond - MARGIN_SECONDS.connecting, ...[...stillOpen.values()].map(({ madeAt }) => madeAt));
    await this.#log.saveCheckpoint(this.#node, JSON.stringify({ madeFrom: Math.max(0, oldest) }));
  }

  /** Looks at invoices that the node has hinted at. */
  async observe(hashes: Iterable<string>, signal: AbortSignal | undefined): Promise<void> {
    const received: EclairReceived[] = [];
    for (const hash of hashes) {
      const found = await this.#ask(hash, signal);
      if (found?.status.type === 'received') received.push(found);
    }
    await this.#append(received);
  }

  async #append(received: readonly EclairReceived[]): Promise<void> {
    const settlements = received
      .map((one) => toSettlement(one, this.#labelOf(paymentHash(one.invoice.paymentHash))))
      .filter((settlement): settlement is Settlement => settlement !== undefined)
      .sort((one, other) => one.settledAt - other.settledAt);
    if (settlements.length > 0) await this.#log.append(this.#node, settlements);
  }

  /** Hash and second of each open invoice, in one answer: pages would shift while invoices are paid. */
  async #pending(signal: AbortSignal | undefined): Promise<ReadonlyMap<string, number>> {
    const call = { operation: OPERATION, signal, schema: invoicesSchema, readOnly: true } as const;
    const invoices = await this.#client.call('/listpendinginvoices', { from: 0, to: FAR_FUTURE_SECONDS }, call);
    return new Map(invoices.map((invoice) => [invoice.paymentHash, invoice.timestamp]));
  }

  async #received(from: number, signal: AbortSignal | undefined): Promise<EclairReceived[]> {
    const all = new Map<string, EclairReceived>();
    for (let skip = 0; ; skip += PAGE) {
      // The lower bound itself is left out by eclair.
      const form = { from: Math.max(0, from - 1), to: FAR_FUTURE_SECONDS, count: PAGE, skip };
      const page = await this.#client.call('/listreceivedpayments', form, {
        operation: OPERATION,
        signal,
        schema: receivedListSchema,
        readOnly: true,
      });
      for (const received of page) all.set(received.invoice.paymentHash, received);
      if (page.length < PAGE) return [...all.values()];
    }
  }

  async #ask(hash: string, signal: AbortSignal | undefined): Promise<EclairReceived | undefined> {
    const call = { operation: OPERATION, signal, schema: receivedSchema, readOnly: true, rawRefusal: true } as const;
    return await this.#client.call('/getreceivedinfo', { paymentHash: hash }, call).catch((error) => {
      if (isRefusal(error, 404)) return undefined;
      throw error;
    });
  }

  async #checkpoint(): Promise<number> {
    const text = await this.#log.checkpoint(this.#node);
    if (text === undefined) return 0;
    try {
      const { madeFrom } = JSON.parse(text) as { madeFrom?: unknown };
      return typeof madeFrom === 'number' && Number.isSafeInteger(madeFrom) && madeFrom >= 0 ? madeFrom : 0;
    } catch {
      return 0;
    }
  }

  #margin(): number {
    return this.#client.nodeClockIsKnown ? MARGIN_SECONDS.known : MARGIN_SECONDS.guessed;
  }
}
