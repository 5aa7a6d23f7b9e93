import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, median } from '../bench.ts';
import { connect } from './connection.ts';
import { BULKY, COMMON, nextOf, type ReadersNews, type ReadersOrder, type ServerNews, type ServerOrder, type Window } from './messages.ts';

const ROUNDS = 10;
const PROCESSES = 2;
/** To be filled: the kernel's buffers on both ends, and half of what the server keeps itself. */
const FILL_BYTES_AT_MOST = 256 * 1024 * 1024;
/** What is under way arrives. */
const SETTLE_MS = 700;

/** One stuck reader among many: what the others notice of it, and what the server keeps for it. */
export const bench: Bench = {
  about: 'readers of one symbol on real sockets in two processes; the last one takes bulk besides, and reads or is stuck, in turn',
  async run({ quick, note }) {
    const subscribers = quick ? 100 : 1_000;
    const window: Window = { rows: quick ? 25 : 100, rowsPerSecond: 25 };
    const children: ChildProcess[] = [];
    const start = (file: string): ChildProcess => {
      const child = fork(new URL(file, import.meta.url), { serialization: 'advanced' });
      children.push(child);
      return child;
    };
    try {
      const server = start('./server.ts');
      const { url, maxBufferedBytes } = await nextOf<ServerNews, 'listening'>(server, 'listening');
      const readers = Array.from({ length: PROCESSES }, () => start('./readers.ts'));
      await comeIn(server, readers, url, subscribers - 1);
      note(`${subscribers - 1} readers have paid; ${window.rows} rows a window, ${window.rowsPerSecond} a second`);
      const ratios: number[] = [];
      let stuckBytesMax = 0;
      let filledWith = 0;
      for (let round = 0; round <= ROUNDS; round += 1) {
        const p99: Record<'stuck' | 'reading', number> = { stuck: Number.NaN, reading: Number.NaN };
        for (const how of round % 2 === 0 ? (['stuck', 'reading'] as const) : (['reading', 'stuck'] as const)) {
          const last = await connect({
            url,
            syms: [COMMON, BULKY],
            pay: (invoice) => order(server, { kind: 'pay', invoice }),
            onRow: () => {},
          });
          if (how === 'stuck') last.pause();
          const filling = nextOf<ServerNews, 'filled'>(server, 'filled');
          order(server, { kind: 'fill', untilSlow: how === 'stuck', bytes: how === 'stuck' ? FILL_BYTES_AT_MOST : filledWith });
          const filled = await filling;
          if (how === 'stuck') {
            filledWith = filled.bytes;
            if (filled.waitingBytes < maxBufferedBytes / 2)
              throw new Error(`${filled.bytes} bytes did not fill the stuck reader’s buffers`);
          }
          await sleep(SETTLE_MS);
          const measured = await measure(server, readers, window);
          p99[how] = percentile(measured.micros, 0.99);
          if (how === 'stuck') stuckBytesMax = Math.max(stuckBytesMax, filled.waitingBytes, measured.waitingBytes);
          if (measured.micros.length !== window.rows * (subscribers - 1)) throw new Error(`${measured.micros.length} rows were received`);
          last.terminate();
        }
        // The first round warms everything up.
        if (round > 0) ratios.push(p99.stuck / p99.reading);
        note(`round ${round}: p99 ${ms(p99.stuck)} with one stuck, ${ms(p99.reading)} without`);
      }
      note(`most that waited for one connection: ${stuckBytesMax} bytes; the limit is ${maxBufferedBytes}`);
      note(`ratios of the rounds: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`);
      return { subscribers, p99Ratio: Number(median(ratios).toFixed(3)), stuckBytesMax };
    } finally {
      for (const child of children) child.kill();
    }
  },
};

function order(child: ChildProcess, message: ServerOrder | ReadersOrder): void {
  child.send(message);
}

async function comeIn(server: ChildProcess, readers: readonly ChildProcess[], url: string, count: number): Promise<void> {
  const ready = readers.map((child, index) => {
    child.on('message', (news: ReadersNews) => {
      if (news.kind === 'pay') order(server, news);
    });
    const share = Math.floor(count / readers.length) + (index < count % readers.length ? 1 : 0);
    const all = nextOf<ReadersNews, 'ready'>(child, 'ready');
    order(child, { kind: 'connect', url, count: share });
    return all;
  });
  await Promise.all(ready);
}

async function measure(server: ChildProcess, readers: readonly ChildProcess[], window: Window) {
  await collect(readers);
  const published = nextOf<ServerNews, 'published'>(server, 'published');
  order(server, { kind: 'window', ...window });
  const { waitingBytes } = await published;
  await sleep(SETTLE_MS);
  return { waitingBytes, micros: await collect(readers) };
}

/** What the readers have measured since the last time. */
async function collect(readers: readonly ChildProcess[]): Promise<Uint32Array> {
  const parts = await Promise.all(
    readers.map((child) => {
      const measured = nextOf<ReadersNews, 'measured'>(child, 'measured');
      order(child, { kind: 'measure' });
      return measured;
    }),
  );
  return Uint32Array.from(parts.flatMap(({ micros }) => [...micros]));
}

function percentile(values: Uint32Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const ms = (micros: number): string => `${(micros / 1_000).toFixed(1)} ms`;
