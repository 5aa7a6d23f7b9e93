import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { openBackend } from '../../regtest/open-backend.ts';
import { waitUntil } from '../../regtest/wait-until.ts';
import type { Bench } from '../bench.ts';
import { Child } from '../shared/child.ts';
import { clientFrame, upgradeStage } from '../shared/job.ts';
import { NETWORK_OPTIONS, startNodes } from '../shared/lightning.ts';
import { SYMBOLS } from '../shared/rows.ts';
import { payWith } from '../shared/seller.ts';
import { type SellerOrder, type SellerStarted, TABLE } from '../shared/seller-process.ts';
import { Sink } from '../shared/sink.ts';
import { percentile, rounded } from '../shared/statistics.ts';

/** What the others are served meanwhile, each of them: rows per second. */
const ROWS_PER_SECOND = 20;
/** Twice round the symbols, so that each has had a row. */
const FIRST_ROWS = 200;
const SERVING_MS = 500;
const EVENT_MS = 10_000;

/** From paying to the first row at the subscriber, and which part of it is ours. */
export const bench: Bench = {
  about: 'from the node’s own event of a payment to the first row at the subscriber, while 1,000 others are served',
  options: NETWORK_OPTIONS,
  async run(options) {
    const { quick, tiny, note } = options;
    const subscribers = tiny ? 20 : 1_000;
    const samples = tiny ? 5 : quick ? 200 : 1_000;
    const dir = mkdtempSync(join(tmpdir(), 'tickerplant-bench-'));
    await using disposal = new AsyncDisposableStack();
    disposal.defer(() => rmSync(dir, { recursive: true, force: true }));
    const nodes = disposal.use(await startNodes(options, dir));
    const server = disposal.use(new Child(new URL('../shared/seller-process.ts', import.meta.url)));
    const ask = <Answer>(order: SellerOrder) => server.ask<Answer>(order);
    const { url, port, control } = await ask<SellerStarted>({ kind: 'start', seller: nodes.seller, buyer: nodes.buyer });
    const buyer = disposal.use(await openBackend(nodes.buyer));
    const sets = Array.from({ length: subscribers }, () => SYMBOLS);
    const tokens = await ask<string[]>({ kind: 'buy', sets });
    note(`${subscribers} subscribers have paid`);
    const takes = SYMBOLS.map((_, index) => index);
    const connections = tokens.map((token) => ({
      takes,
      stages: [upgradeStage(port), { send: clientFrame(JSON.stringify({ op: 'resume', id: 1, token })), wait: '"op":"resumed"' }],
    }));
    const sink = disposal.use(await Sink.connect({ name: 'others', dir, framing: 'websocket', connections, port, controlPort: control }));
    await sink.pace(1, FIRST_ROWS, 1_000);
    const ours: number[] = [];
    const raw: number[] = [];
    const progress = { isOver: false };
    const serving = (async () => {
      while (!progress.isOver) await sink.pace(1, ROWS_PER_SECOND, SERVING_MS);
    })();
    try {
      // The first ones warm everything up.
      for (let sample = -Math.ceil(samples / 20); sample < samples; sample += 1) {
        const { paidAt, rowAt, paymentHash } = await buyOnce(url, SYMBOLS[Math.abs(sample) % SYMBOLS.length] as string, (invoice) =>
          payWith(buyer.payments, invoice),
        );
        const event = await waitUntil('the node’s own event', () => ask<bigint | undefined>({ kind: 'raw-event', paymentHash }), EVENT_MS);
        if (sample < 0) continue;
        ours.push(Number(rowAt - event) / 1e6);
        raw.push(Number(event - paidAt) / 1e6);
        if ((sample + 1) % 100 === 0) note(`${sample + 1} of ${samples}: ours p50 ${percentile(ours, 0.5).toFixed(2)} ms`);
      }
    } finally {
      progress.isOver = true;
      await serving;
    }
    return {
      oursMs: { p50: rounded(percentile(ours, 0.5), 3), p99: rounded(percentile(ours, 0.99), 3), max: rounded(Math.max(...ours), 3) },
      rawMs: { p50: rounded(percentile(raw, 0.5), 3), p99: rounded(percentile(raw, 0.99), 3), max: rounded(Math.max(...raw), 3) },
      samples,
      subscribers,
      rowsPerSecondEach: ROWS_PER_SECOND,
      ledgerSync: 'FULL',
      network: nodes.network,
      kind: nodes.kind,
      quick,
      node: process.version,
    };
  },
};

interface Bought {
  /** When the payment began, and when the first row was there: the machine's clock, nanoseconds. */
  readonly paidAt: bigint;
  readonly rowAt: bigint;
  readonly paymentHash: string;
}

/** A buyer who comes, asks, pays, and leaves with the first row. */
function buyOnce(url: string, sym: string, pay: (invoice: string) => Promise<void>): Promise<Bought> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    let paidAt = 0n;
    let paymentHash = '';
    socket.once('open', () => socket.send(JSON.stringify({ op: 'sub', id: 1, table: TABLE, syms: [sym] })));
    socket.once('error', reject);
    socket.on('message', (data) => {
      const arrivedAt = process.hrtime.bigint();
      const said = JSON.parse(String(data)) as {
        readonly op: string;
        readonly invoice: string;
        readonly paymentHash: string;
        readonly code?: string;
      };
      if (said.op === 'quote') {
        paymentHash = said.paymentHash;
        paidAt = process.hrtime.bigint();
        pay(said.invoice).catch(reject);
      } else if (said.op === 'snapshot' || said.op === 'upd') {
        socket.terminate();
        resolve({ paidAt, rowAt: arrivedAt, paymentHash });
      } else if (said.op === 'error') reject(new Error(`the server refused: ${said.code}`));
    });
  });
}
