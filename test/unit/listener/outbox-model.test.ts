import { copyFileSync, existsSync } from 'node:fs';
import { type Arbitrary, assert, constant, constantFrom, integer, nat, oneof, property, record, array as series } from 'fast-check';
import { expect, test } from 'vitest';
import type { SettlementCursor } from '../../../src/core/lightning/settlement.ts';
import type { Outbox } from '../../../src/listener/outbox/outbox.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { TestFolder } from '../storage/support/folders.ts';
import { ModelServer } from './support/following.ts';
import { outboxAt, settled } from './support/parts.ts';

const NAMES = ['shop', 'stall'] as const;
/** So many are kept though everybody has them. */
const KEPT = 1_000;
const ACKS = ['all', 'late', 'again', 'other-mark', 'not-sent'] as const;

type Step =
  | { readonly do: 'happen'; readonly settled: number; readonly followed: number; readonly again: number }
  | { readonly do: 'connect' | 'die'; readonly who: number }
  | { readonly do: 'read'; readonly who: number; readonly count: number; readonly ack: (typeof ACKS)[number] }
  | { readonly do: 'ack'; readonly who: number; readonly ack: (typeof ACKS)[number] }
  | { readonly do: 'prune'; readonly most: number }
  | { readonly do: 'wait' | 'reopen' | 'crash' | 'copy' | 'restore' | 'lose' };

const who = nat(1);
const ack = constantFrom(...ACKS);
const step: Arbitrary<Step> = oneof(
  {
    weight: 5,
    arbitrary: record({
      do: constant('happen' as const),
      settled: oneof(nat(5), constant(100)),
      followed: oneof(nat(8), constant(200)),
      again: nat(3),
    }),
  },
  { weight: 2, arbitrary: record({ do: constantFrom('connect' as const, 'die' as const), who }) },
  { weight: 6, arbitrary: record({ do: constant('read' as const), who, count: oneof(nat(6), constant(400)), ack }) },
  { weight: 3, arbitrary: record({ do: constant('ack' as const), who, ack }) },
  {
    weight: 3,
    arbitrary: record({ do: constant('prune' as const), most: oneof(integer({ min: 1, max: 20 }), integer({ min: KEPT, max: 1_200 })) }),
  },
  { weight: 2, arbitrary: record({ do: constantFrom('wait' as const, 'reopen' as const, 'crash' as const, 'lose' as const) }) },
  { weight: 2, arbitrary: record({ do: constantFrom('copy' as const, 'restore' as const) }) },
);

/** A node, the outbox that follows it, and two servers that follow the outbox. */
class World implements Disposable {
  readonly #folder = new TestFolder();
  readonly #clock = new ManualClock();
  readonly #node: string[] = [];
  readonly servers: readonly ModelServer[] = NAMES.map((name) => new ModelServer(name, this.#node));
  #files = 0;
  #path = this.#nextPath();
  #copy: string | undefined;
  outbox: Outbox = this.#open();

  /** With an outbox that somebody has filled already, or a new one. */
  constructor(from?: World) {
    if (from === undefined) return;
    this.#close();
    copyFileSync(from.#path, this.#path);
    this.#node.push(...from.#node);
    this.outbox = this.#open();
  }

  fill(): void {
    this.#settle(KEPT + 50);
    this.#followNode(KEPT + 50, 0);
    this.#close();
  }

  run(step: Step): void {
    switch (step.do) {
      case 'happen':
        this.#settle(step.settled);
        return this.#followNode(step.followed, step.again);
      case 'connect':
        return this.#server(step.who).connect(this.outbox);
      case 'die':
        return this.#server(step.who).die();
      case 'read': {
        const server = this.#server(step.who);
        if (!server.connected) server.connect(this.outbox);
        server.read(step.count);
        return this.#acknowledge(server, step.ack);
      }
      case 'ack':
        return this.#acknowledge(this.#server(step.who), step.ack);
      case 'prune':
        return this.#prune(step.most);
      case 'wait':
        return this.#clock.advance(300);
      case 'reopen':
        this.#close();
        break;
      case 'crash': {
        const died = this.#path;
        this.#path = this.#nextPath();
        // What another process would find: no acknowledgement that was not written down yet.
        for (const end of ['', '-wal']) if (existsSync(died + end)) copyFileSync(died + end, this.#path + end);
        this.#close();
        break;
      }
      case 'copy':
        this.#close();
        this.#copy = this.#nextPath();
        copyFileSync(this.#path, this.#copy);
        break;
      case 'restore':
        if (this.#copy === undefined) return;
        this.#close();
        this.#path = this.#nextPath();
        copyFileSync(this.#copy, this.#path);
        break;
      case 'lose':
        this.#close();
        this.#path = this.#nextPath();
        break;
    }
    this.outbox = this.#open();
  }

  /** Everybody is up and gets what there is. */
  end(): void {
    this.#followNode(this.#node.length, 0);
    for (const server of this.servers) {
      server.connect(this.outbox);
      while (server.read(1_000) > 0) this.#acknowledge(server, 'all');
      const missing = this.#node.find((label) => !server.has.has(label));
      expect(missing, `what ${server.name} never got`).toBeUndefined();
      expect(server.position(this.outbox.id)).toEqual(this.outbox.head);
      expect(this.#recorded(server)).toBe(this.outbox.head.offset);
    }
    expect(this.outbox.prune(KEPT)).toBeUndefined();
  }

  [Symbol.dispose](): void {
    this.outbox[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }

  /** What an outbox may take a server to have, it has. */
  check(): void {
    for (const server of this.servers) {
      const committed = server.position(this.outbox.id);
      if (committed === undefined || this.outbox.standing(committed) !== 'good') continue;
      expect(this.#recorded(server), `taken for acknowledged by ${server.name}`).toBeLessThanOrEqual(committed.offset);
    }
  }

  #settle(count: number): void {
    for (let made = 0; made < count; made += 1) this.#node.push(`${this.#node.length}`);
  }

  /** As the listener follows: from the outbox's cursor on, and now and then what it was told before. */
  #followNode(count: number, again: number): void {
    const from = Number(this.outbox.nodeCursor);
    const until = Math.min(from + count, this.#node.length);
    // Only what the outbox certainly still knows is told again.
    const first = Math.max(from - Math.min(again, this.outbox.size), 0);
    const told = this.#node.slice(first, until).map((name, index) => settled(name, String(first + index + 1)));
    const before = this.outbox.head.offset;
    const added = this.outbox.append(told, { nodeCursor: String(until) as SettlementCursor });
    expect(added.map(({ offset }) => offset)).toEqual(added.map((_, index) => before + index + 1));
    expect(added.length).toBeGreaterThanOrEqual(until - from);
    expect(this.outbox.nodeCursor).toBe(String(until));
  }

  #acknowledge(server: ModelServer, which: (typeof ACKS)[number]): void {
    const { committed } = server;
    const last = committed.at(-1);
    if (!server.connected || last === undefined) return;
    const before = this.#recorded(server);
    if (which === 'other-mark' || which === 'not-sent') {
      const wrong = which === 'other-mark' ? { offset: last.offset, mark: 'dead' } : { offset: last.offset + 100_000, mark: last.mark };
      server.send({ type: 'ack', position: wrong });
      expect(this.#recorded(server)).toBe(before);
      return;
    }
    const late = committed[Math.floor(committed.length / 2)] ?? last;
    for (const position of which === 'late' ? [late] : which === 'again' ? [last, late, last, last] : [last])
      server.send({ type: 'ack', position });
    expect(this.#recorded(server), 'an acknowledgement is not taken back by an earlier one').toBeGreaterThanOrEqual(before);
  }

  #prune(most: number): void {
    const { head, floor } = this.outbox;
    const lowest = Math.min(...this.servers.map((server) => this.#recorded(server)));
    const lost = this.outbox.prune(most);
    const now = this.outbox.floor.offset;
    expect(now).toBeGreaterThanOrEqual(floor.offset);
    expect(now).toBeLessThanOrEqual(Math.max(floor.offset, lowest, head.offset - most));
    expect(lost).toBe(now > Math.max(lowest, floor.offset) ? now : undefined);
    expect(this.outbox.size).toBeLessThanOrEqual(Math.max(most, 0));
    expect(this.outbox.size).toBeGreaterThanOrEqual(Math.min(KEPT, most, head.offset - floor.offset));
    expect(this.outbox.after(0, 1)[0]?.offset ?? now + 1).toBe(now + 1);
  }

  #recorded(server: ModelServer): number {
    return this.outbox.consumers.get(server.name, 'server')?.position.offset ?? -1;
  }

  #server(index: number): ModelServer {
    return this.servers[index] as ModelServer;
  }

  #open(): Outbox {
    const outbox = outboxAt(this.#path, this.#clock);
    // No power is cut here, and thousands of commits would wait for the disk.
    outbox.database.exec('PRAGMA synchronous = OFF');
    outbox.consumers.name(NAMES.map((name) => ({ name, kind: 'server' })));
    // A new outbox begins at the node's present end.
    if (outbox.nodeCursor === undefined) outbox.append([], { nodeCursor: String(this.#node.length) as SettlementCursor });
    return outbox;
  }

  #close(): void {
    for (const server of this.servers) server.die();
    this.outbox[Symbol.dispose]();
  }

  #nextPath(): string {
    this.#files += 1;
    return this.#folder.join(`outbox-${this.#files}.db`);
  }
}

test('whatever happens, in any order: nothing is given twice as new, kept too short or missed, and a position of another past is noticed', {
  timeout: 120_000,
}, () => {
  using filled = new World();
  filled.fill();
  let noticed = 0;
  const scenario = record({ full: constantFrom(true, false), steps: series(step, { minLength: 10, maxLength: 32, size: 'max' }) });
  assert(
    property(scenario, ({ full, steps: all }) => {
      using world = full ? new World(filled) : new World();
      for (const each of all) {
        world.run(each);
        world.check();
      }
      world.end();
      for (const server of world.servers) noticed += server.noticed;
    }),
    { numRuns: 16, seed: 20_261_121, endOnFailure: true },
  );
  expect(noticed).toBeGreaterThan(5);
});
