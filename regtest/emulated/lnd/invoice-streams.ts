import { EventQueue } from '../../../src/adapters/simulated/gateway/event-queue.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { toInvoiceMessage, toNewInvoiceMessage } from './invoice-message.ts';
import { type LndNode, listen, type StreamCalls, self } from './node.ts';
import type { Message } from './values.ts';

const BATCH = 500;

/** Following invoices. */
export const invoiceStreams: StreamCalls = {
  'lnrpc.Lightning/SubscribeInvoices': subscribeInvoices,
  'invoicesrpc.Invoices/SubscribeSingleInvoice': subscribeSingleInvoice,
};

/**
 * Added and settled invoices, and nothing else of theirs. An index above 0 brings what came after it first; 0 is no position but
 * none at all: only what comes from now on.
 */
async function* subscribeInvoices(
  node: LndNode,
  request: { readonly add_index: string; readonly settle_index: string },
  signal: AbortSignal,
): AsyncIterable<Message> {
  const out = new EventQueue<Message>();
  signal.addEventListener('abort', () => out.end(), { once: true });
  const fail = (error: unknown): void => out.end(error);
  const { addCount, settleCount } = self(node);
  follow(out, added(node, Number(request.add_index) || addCount, signal)).catch(fail);
  follow(out, settled(node, Number(request.settle_index) || settleCount, signal)).catch(fail);
  yield* out.drain();
}

async function follow(out: EventQueue<Message>, source: AsyncIterable<Message>): Promise<void> {
  for await (const message of source) out.push(message);
}

async function* added(node: LndNode, after: number, signal: AbortSignal): AsyncIterable<Message> {
  const changes = listen(node, signal, (event) => event.kind === 'invoice' && event.node === node.name);
  const first = self(node).addCount;
  let told = after;
  function* fresh(): Iterable<Message> {
    for (;;) {
      const batch = node.network.invoices.list(node.name, told, BATCH);
      for (const invoice of batch) {
        told = invoice.addNumber;
        yield told <= first ? toInvoiceMessage(node, invoice) : toNewInvoiceMessage(node, invoice);
      }
      if (batch.length < BATCH) return;
    }
  }
  yield* fresh();
  for await (const _ of changes.drain()) yield* fresh();
}

/** By the simulated node's own stream, which faults can be brought about on. */
async function* settled(node: LndNode, after: number, signal: AbortSignal): AsyncIterable<Message> {
  for await (const event of node.calls.follow('settlements', { after }, { signal })) {
    if (event.kind !== 'settled') continue;
    const invoice = node.network.invoices.find(node.name, event.settlement.paymentHash);
    if (invoice !== undefined) yield toInvoiceMessage(node, invoice);
  }
}

/** How the invoice stands, then each change, up to its end. One that is not known yet is waited for. */
async function* subscribeSingleInvoice(node: LndNode, request: { readonly r_hash: Buffer }, signal: AbortSignal): AsyncIterable<Message> {
  const hash = paymentHash(request.r_hash.toString('hex'));
  const changes = listen(node, signal, (event) => event.kind === 'invoice' && event.node === node.name && event.paymentHash === hash);
  const look = (): void => changes.push({ kind: 'invoice', node: node.name, paymentHash: hash });
  look();
  let last: unknown;
  let expiry: Disposable | undefined;
  try {
    for await (const _ of changes.drain()) {
      const invoice = node.network.invoices.find(node.name, hash);
      if (invoice === undefined) continue;
      // A timer may fire a little early: then it is set once more.
      expiry?.[Symbol.dispose]();
      expiry = node.clock.setTimer(Math.max(Math.ceil(invoice.expiresAt - node.clock.now()), 0) + 5, look);
      const message = toInvoiceMessage(node, invoice);
      if (message['state'] === last) continue;
      last = message['state'];
      yield message;
      if (last === 'SETTLED' || last === 'CANCELED') return;
    }
  } finally {
    expiry?.[Symbol.dispose]();
  }
}
