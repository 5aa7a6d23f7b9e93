import { expect, test } from 'vitest';
import { checkOffer } from '../../../src/client/quote-check.ts';
import type { QuoteItem, QuoteOffer, Terms } from '../../../src/core/tickerplant/messages.ts';

const FLAT: Terms = { kind: 'flat', msat: 100n, lastsMs: 1, replayMs: 1 };
const TICK: Terms = { kind: 'tick', msat: 10n, prepayMsat: 100n, topUpBelowMsat: 20n, lastsMs: 1, replayMs: 1 };

function offer(...items: (QuoteItem & { readonly terms?: Terms; readonly amountMsat?: bigint })[]): QuoteOffer {
  const priced = items.map((item) => ({ terms: FLAT, amountMsat: 100n * BigInt(item.syms.length), ...item, schema: [] }));
  return { items: priced, amountMsat: priced.reduce((sum, item) => sum + item.amountMsat, 0n), creditMsat: 0n } as unknown as QuoteOffer;
}
const asked = (table: string, syms: readonly string[]) => ({ url: 'ws://127.0.0.1:5010', table, syms });
const trade = (...syms: string[]): QuoteItem => ({ table: 'trade', syms });
const quote = (...syms: string[]): QuoteItem => ({ table: 'quote', syms });

test('of symbols in every table, each must be in one of them', () => {
  const everywhere = asked('*', ['AAPL', 'IBM']);
  checkOffer(offer(trade('AAPL'), quote('AAPL', 'IBM')), everywhere);
  checkOffer(offer(quote('IBM', 'AAPL')), everywhere);
  expect(() => checkOffer(offer(trade('AAPL'), quote('AAPL')), everywhere)).toThrow('leaves out IBM');
  expect(() => checkOffer(offer(trade('AAPL', 'MSFT'), quote('IBM')), everywhere)).toThrow('trade has MSFT');
});

test('of symbols in one table, all must be in it and nothing else', () => {
  checkOffer(offer(trade('IBM', 'AAPL')), asked('trade', ['AAPL', 'IBM']));
  expect(() => checkOffer(offer(trade('AAPL')), asked('trade', ['AAPL', 'IBM']))).toThrow('leaves out IBM');
  expect(() => checkOffer(offer(quote('AAPL')), asked('trade', ['AAPL']))).toThrow('asked for table trade');
  expect(() => checkOffer(offer(trade('AAPL'), quote('AAPL')), asked('trade', ['AAPL']))).toThrow('asked for table trade');
});

test('the kind of pricing is the one that was asked for', () => {
  const wanted = { ...asked('trade', ['AAPL']), pricing: 'tick' as const };
  checkOffer(offer({ ...trade('AAPL'), terms: TICK }), wanted);
  expect(() => checkOffer(offer(trade('AAPL')), wanted)).toThrow('the quote has flat');
});

test('the price is what the terms and the parts say', () => {
  const dear = offer({ ...trade('AAPL'), terms: TICK, amountMsat: 101n });
  expect(() => checkOffer(dear, asked('trade', ['AAPL']))).toThrow('by its terms');
  const more = { ...offer(trade('AAPL')), amountMsat: 200n } as unknown as QuoteOffer;
  expect(() => checkOffer(more, asked('trade', ['AAPL']))).toThrow('its parts cost');
  checkOffer({ ...offer(trade('AAPL')), amountMsat: 70n, creditMsat: 30n } as unknown as QuoteOffer, asked('trade', ['AAPL']));
});
