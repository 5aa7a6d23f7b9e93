import { connect } from './connection.ts';
import { COMMON, nowMicros, type ReadersNews, type ReadersOrder } from './messages.ts';

/** Readers of the benchmark, each on a socket of its own, in a process beside the server's. */
const AT_ONCE = 20;

let micros = new Uint32Array(4_096);
let count = 0;
const tell = (news: ReadersNews): void => void process.send?.(news);

function note(sent: number): void {
  if (count === micros.length) {
    const larger = new Uint32Array(micros.length * 2);
    larger.set(micros);
    micros = larger;
  }
  micros[count] = Math.max(0, nowMicros() - sent);
  count += 1;
}

async function connectAll(url: string, wanted: number): Promise<void> {
  let left = wanted;
  const walk = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await connect({ url, syms: [COMMON], pay: (invoice) => tell({ kind: 'pay', invoice }), onRow: note });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, walk));
  tell({ kind: 'ready' });
}

process.on('message', (order: ReadersOrder) => {
  if (order.kind === 'connect') {
    void connectAll(order.url, order.count);
    return;
  }
  tell({ kind: 'measured', micros: micros.slice(0, count) });
  count = 0;
});
process.on('disconnect', () => process.exit());
