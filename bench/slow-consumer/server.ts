import { setTimeout as sleep } from 'node:timers/promises';
import { createTickerplant } from '../../src/app/embed.ts';
import { openSimulatedNetwork } from '../../src/app/simulated-network.ts';
import { sat } from '../../src/core/lightning/amount.ts';
import { Outbox } from '../../src/transport/websocket/outbox.ts';
import { BULKY, COMMON, nowMicros, type ServerNews, type ServerOrder, TABLE, type Window } from './messages.ts';

/** The server of the benchmark, with a network of play money, in a process of its own. */
const MAX_BUFFERED_BYTES = 2 * 1024 * 1024;
const BULK_BYTES = 16 * 1024;
const BULK_AT_ONCE = 16;
const BULK_PAUSE_MS = 10;
/** In a window there is bulk, too, as many rows as others. */
const WINDOW_BULK_BYTES = 4 * 1024;

const outboxes = new Set<Outbox>();
const { pushRows } = Outbox.prototype;
Outbox.prototype.pushRows = function (...args): void {
  outboxes.add(this);
  pushRows.apply(this, args);
};

const tell = (news: ServerNews): void => void process.send?.(news);
const mostWaiting = (): number => {
  let most = 0;
  for (const outbox of outboxes) {
    if (outbox.closed) outboxes.delete(outbox);
    else most = Math.max(most, outbox.waitingBytes);
  }
  return most;
};

const network = await openSimulatedNetwork();
const buyer = await network.backend('buyer');
const tickerplant = await createTickerplant({
  backend: await network.backend('seller'),
  tables: {
    [TABLE]: {
      columns: { time: 'timestamp', sym: 'symbol', sent: 'float', text: 'string' },
      symbols: [COMMON, BULKY],
      pricing: { msat: sat(1), lasts: '24h' },
    },
  },
  ledger: 'memory',
  journal: 'memory',
  websocket: { host: '127.0.0.1', port: 0, maxBufferedBytes: MAX_BUFFERED_BYTES, heartbeatSeconds: 3_600 },
  limits: { quoteBurstPerAddress: 10_000, quotesPerSecondPerAddress: 10_000 },
});

function publish(sym: string, textBytes: number): void {
  tickerplant.publish(TABLE, [[new Date().toISOString(), sym, nowMicros(), 'x'.repeat(textBytes)]]);
}

async function fill({ untilSlow, bytes: most }: Extract<ServerOrder, { kind: 'fill' }>): Promise<void> {
  let bytes = 0;
  while (bytes < most && !(untilSlow && mostWaiting() >= MAX_BUFFERED_BYTES / 2)) {
    for (let i = 0; i < BULK_AT_ONCE; i += 1) publish(BULKY, BULK_BYTES);
    bytes += BULK_AT_ONCE * BULK_BYTES;
    await sleep(BULK_PAUSE_MS);
  }
  tell({ kind: 'filled', bytes, waitingBytes: mostWaiting() });
}

async function window({ rows, rowsPerSecond }: Window): Promise<void> {
  let most = 0;
  const start = performance.now();
  for (let i = 0; i < rows; i += 1) {
    const due = start + (i / rowsPerSecond) * 1_000;
    await sleep(Math.max(0, due - performance.now()));
    publish(COMMON, 0);
    publish(BULKY, WINDOW_BULK_BYTES);
    most = Math.max(most, mostWaiting());
  }
  tell({ kind: 'published', waitingBytes: most });
}

process.on('message', (order: ServerOrder) => {
  if (order.kind === 'pay') void buyer.payments.pay({ paymentRequest: order.invoice, maxFeeMsat: sat(10) });
  else if (order.kind === 'fill') void fill(order);
  else void window(order);
});
process.on('disconnect', () => process.exit());
tell({ kind: 'listening', url: tickerplant.url ?? '', maxBufferedBytes: MAX_BUFFERED_BYTES });
