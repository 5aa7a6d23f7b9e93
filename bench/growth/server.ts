import type { RunningServer } from '../../src/app/server.ts';
import { openSimulatedNetwork } from '../../src/app/simulated-network.ts';
import type { NodeIdentity } from '../../src/core/lightning/backend.ts';
import { serveOrders } from '../shared/child.ts';
import { COLUMNS, makeRow } from '../shared/rows.ts';
import { startSeller } from '../shared/seller.ts';
import { COLD, fillJournal, fillLedger, HOT, TABLE } from './fill.ts';

/** A tickerplant whose ledger and journal may be there already; its node is the same at every start. */
export type GrowthOrder =
  | {
      readonly kind: 'fill';
      readonly ledger: string;
      readonly subscriptions: number;
      readonly journal: string;
      readonly journalRows: number;
    }
  | { readonly kind: 'start'; readonly dir: string }
  /** Publishes rows that ten take, each in a turn of its own; answers microseconds for one. */
  | { readonly kind: 'publish'; readonly rows: number }
  | { readonly kind: 'sessions' }
  /** Bytes, after a collection of garbage. */
  | { readonly kind: 'memory' };

const SEED = 7;

let server: RunningServer;

async function seller() {
  const network = await openSimulatedNetwork({ network: { seed: SEED } });
  const backend = await network.backend('seller');
  const { nodeId, network: name } = await backend.node.info();
  const identity: NodeIdentity = { network: name, nodeId };
  return { backend, identity };
}

async function start(dir: string): Promise<number> {
  const pricing = { msat: 1_000, lasts: '24h' };
  server = await startSeller({
    backend: (await seller()).backend,
    dir,
    tables: { [TABLE]: { columns: COLUMNS, symbols: [HOT, ...COLD], pricing } },
  });
  return Number(new URL(server.urls['websocket'] ?? '').port);
}

async function fill({ ledger, subscriptions, journal, journalRows }: Extract<GrowthOrder, { kind: 'fill' }>): Promise<void> {
  const { identity } = await seller();
  await fillLedger(ledger, identity, subscriptions, (text) => console.error(text));
  if (journalRows > 0) await fillJournal(journal, journalRows);
}

function publish(rows: number): Promise<number> {
  const row = [makeRow(HOT, false)];
  const begin = performance.now();
  return new Promise((resolve) => {
    let left = rows;
    const next = (): void => {
      if (left === 0) {
        resolve(((performance.now() - begin) / rows) * 1_000);
        return;
      }
      left -= 1;
      server.tickerplant.publish(TABLE, row);
      setImmediate(next);
    };
    next();
  });
}

function memory(): number {
  for (let i = 0; i < 3; i += 1) globalThis.gc?.();
  return process.memoryUsage.rss();
}

serveOrders<GrowthOrder>((order) => {
  if (order.kind === 'fill') return fill(order);
  if (order.kind === 'start') return start(order.dir);
  if (order.kind === 'publish') return publish(order.rows);
  return order.kind === 'sessions' ? server.tickerplant.counters.sessions : memory();
});
