import { Child } from '../shared/child.ts';
import { clientFrame, upgradeStage } from '../shared/job.ts';
import { Sink } from '../shared/sink.ts';
import type { Start } from './contender.ts';
import { symbolsOf } from './interest.ts';
import type { OursOrder, OursStarted } from './ours-server.ts';

/** Rows at a millisatoshi each that all subscribers of a scene can be paid for together, at least. */
const PREPAID_ROWS = 400_000_000;
const LEAST_PREPAID_ROWS = 100_000;

/** The tickerplant, twice: rows that are paid at once, and rows that are paid one by one. Every subscriber has bought what it takes. */
export const startOurs: Start<'ours' | 'oursMetered'> = async ({ subscribers, takes, dir, note }, onEnd) => {
  const server = new Child(new URL('./ours-server.ts', import.meta.url));
  onEnd(() => server[Symbol.asyncDispose]());
  const ask = <Answer>(order: OursOrder) => server.ask<Answer>(order);
  const symbolsBought = takes.reduce((sum, each) => sum + each.length, 0);
  const prepayMsat = Math.max(Math.ceil(PREPAID_ROWS / symbolsBought), LEAST_PREPAID_ROWS);
  const { port, control } = await ask<OursStarted>({ kind: 'start', prepayMsat });
  const sets = takes.map(symbolsOf);
  const sinkOf = async (table: 'flat' | 'metered'): Promise<Sink> => {
    const tokens = await ask<string[]>({ kind: 'buy', table, sets });
    note(`ours: ${subscribers} subscriptions to ${table} bought`);
    const sink = await Sink.connect({
      name: `ours-${table}`,
      dir,
      framing: 'websocket',
      port,
      controlPort: control[table],
      connections: tokens.map((token, index) => ({
        takes: takes[index] ?? [],
        stages: [upgradeStage(port), { send: clientFrame(JSON.stringify({ op: 'resume', id: 1, token })), wait: '"op":"resumed"' }],
      })),
    });
    onEnd(() => sink[Symbol.asyncDispose]());
    return sink;
  };
  return { ours: await sinkOf('flat'), oursMetered: await sinkOf('metered') };
};
