import type { SettlementCursor } from '../lightning/settlement.ts';
import type { FollowSource, SettlementSource, SourcedEvent } from '../ports/settlement-source.ts';
import type { SellerBackend, SellerNode } from './seller-node.ts';

/** Settlements from the seller's node itself: everything in one process. */
export function nodeSource(node: SellerNode, backend: SellerBackend): SettlementSource {
  return { events: (options) => nodeEvents(node, backend, options) };
}

/** What the node has after the ledger's cursor, then live for ever. @throws LightningError while the node can't be reached for the first time. */
export async function* nodeEvents(
  node: Pick<SellerNode, 'known'>,
  backend: SellerBackend,
  { signal, onStatus, committed }: FollowSource,
): AsyncGenerator<SourcedEvent, void, undefined> {
  const { identity } = await node.known();
  const after: SettlementCursor | undefined = await committed(identity, 'node');
  const events = backend.invoices.settlements({ signal, onStatus, ...(after === undefined ? {} : { after }) });
  for await (const event of events) yield { node: identity, source: 'node', event };
}
