import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { Child } from '../shared/child.ts';
import { NETWORK_OPTIONS, startNodes } from '../shared/lightning.ts';
import { QuoteAsker } from '../shared/quote-asker.ts';
import { type SellerOrder, type SellerStarted, TABLE } from '../shared/seller-process.ts';
import { pairedRatio, rounded, spread } from '../shared/statistics.ts';

const AT_ONCE = [1, 64] as const;

/** Quotes over the WebSocket, durable and with an invoice, against invoices of the same backend and nothing else. */
export const bench: Bench = {
  about: 'quotes per second over the WebSocket, against createInvoice of the same backend in the same process, in turn',
  options: NETWORK_OPTIONS,
  async run(options) {
    const { quick, tiny, note } = options;
    const rounds = options.rounds ?? (tiny ? 1 : 7);
    const ms = options.seconds === undefined ? (tiny ? 300 : quick ? 2_000 : 5_000) : options.seconds * 1_000;
    const dir = mkdtempSync(join(tmpdir(), 'tickerplant-bench-'));
    await using disposal = new AsyncDisposableStack();
    disposal.defer(() => rmSync(dir, { recursive: true, force: true }));
    const nodes = disposal.use(await startNodes(options, dir));
    const server = disposal.use(new Child(new URL('../shared/seller-process.ts', import.meta.url)));
    const ask = <Answer>(order: SellerOrder) => server.ask<Answer>(order);
    const { url } = await ask<SellerStarted>({ kind: 'start', seller: nodes.seller, buyer: nodes.buyer });
    const fields: { [atOnce: string]: { ratio: number; quotesPerSecond: number; rawPerSecond: number; spread: readonly number[] } } = {};
    for (const atOnce of AT_ONCE) {
      const [ours, raw]: [number[], number[]] = [[], []];
      const asker = disposal.use(await QuoteAsker.connect(url, TABLE, atOnce));
      // The first round warms everything up.
      for (let round = -1; round < rounds; round += 1) {
        const order = { kind: 'raw-invoices', atOnce, ms } as const;
        const oursFirst = round % 2 === 0;
        const first = oursFirst ? await asker.run(ms) : await ask<number>(order);
        const second = oursFirst ? await ask<number>(order) : await asker.run(ms);
        if (round < 0) continue;
        ours.push(oursFirst ? first : second);
        raw.push(oursFirst ? second : first);
        note(`${atOnce} at once, round ${round + 1}: ${Math.round(ours.at(-1) ?? 0)} quotes/s, ${Math.round(raw.at(-1) ?? 0)} invoices/s`);
      }
      const ratios = spread(ours.map((value, round) => value / (raw[round] ?? Number.NaN)));
      fields[String(atOnce)] = {
        ratio: rounded(pairedRatio(ours, raw), 3),
        quotesPerSecond: Math.round(spread(ours).median),
        rawPerSecond: Math.round(spread(raw).median),
        spread: [rounded(ratios.least, 3), rounded(ratios.most, 3)],
      };
    }
    const each = <Value>(value: (field: (typeof fields)[string]) => Value) =>
      Object.fromEntries(Object.entries(fields).map(([atOnce, field]) => [atOnce, value(field)]));
    return {
      ratio: each(({ ratio }) => ratio),
      quotesPerSecond: each(({ quotesPerSecond }) => quotesPerSecond),
      rawPerSecond: each(({ rawPerSecond }) => rawPerSecond),
      spread: each((field) => field.spread),
      rounds,
      msPerRound: ms,
      ledgerSync: 'FULL',
      network: nodes.network,
      kind: nodes.kind,
      quick,
      node: process.version,
    };
  },
};
