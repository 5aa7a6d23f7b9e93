import { expect, test } from 'vitest';
import { checkOffer } from '../../../src/client/quote-check.ts';
import type { QuoteItem, QuoteOffer } from '../../../src/core/tickerplant/messages.ts';

const offer = (...items: QuoteItem[]) => ({ items: items.map((item) => ({ ...item, schema: [] })) }) as unknown as QuoteOffer;
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
