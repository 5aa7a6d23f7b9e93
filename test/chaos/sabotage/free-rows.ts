import type { Grant } from '../../../src/core/ports/ledger.ts';
import { Sessions } from '../../../src/core/tickerplant/sessions.ts';

const original = Sessions.prototype.noteOpen;
const LASTS_MS = 86_400_000;

Sessions.prototype.noteOpen = function (quote, sink): void {
  original.call(this, quote, sink);
  const { id, subscription, createdAt, items } = quote;
  const grants = items.map(({ table, syms, terms }, position): Grant => {
    const until = createdAt + LASTS_MS;
    return { id: `${id}-${position}`, subscription, quote: id, table, syms, terms, grantedAt: createdAt, until, epoch: 1, next: {} };
  });
  // After the answer with the quote.
  setTimeout(() => this.activate(quote, grants), 20);
};
