import { copyFileSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemRandom } from '../../../src/app/system.ts';
import type { SettlementCursor } from '../../../src/core/lightning/settlement.ts';
import { type Outbox, openOutbox } from '../../../src/listener/outbox/outbox.ts';
import { outboxSettlementLog } from '../../../src/listener/outbox/settlement-log.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { TestFolder } from '../storage/support/folders.ts';
import { NODE, OTHER_NODE, outboxAt, settled, settlementOf } from './support/parts.ts';

let folder: TestFolder;
let clock: ManualClock;
let path: string;
const open: Outbox[] = [];

beforeEach(() => {
  folder = new TestFolder();
  clock = new ManualClock();
  path = folder.join('data', 'outbox.db');
});
afterEach(() => {
  for (const outbox of open.splice(0)) outbox[Symbol.dispose]();
  folder[Symbol.dispose]();
});

function outboxOf(file = path): Outbox {
  const outbox = outboxAt(file, clock);
  open.push(outbox);
  return outbox;
}

const cursor = (text: string) => text as SettlementCursor;

test('events and the position at the node are there after the process is gone, for its owner alone', () => {
  const first = outboxOf();
  first.append([settled('a', '1')], { nodeCursor: cursor('1') });
  const { id, head } = first;
  first[Symbol.dispose]();
  const again = outboxOf();
  expect([again.id, again.head, again.nodeCursor, again.node]).toEqual([id, head, '1', NODE]);
  expect(again.after(0, 10)).toMatchObject([
    { offset: 1, kind: 'settled', nodeCursor: '1', invoice: { receivedMsat: '1001', label: 'label of a' } },
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('what the node tells again is not told again, but the position moves', () => {
  const outbox = outboxOf();
  expect(outbox.append([settled('a', '1'), settled('b', '2')], { nodeCursor: cursor('2') })).toHaveLength(2);
  expect(outbox.append([settled('a', '3'), settled('c', '4')], { nodeCursor: cursor('4') })).toMatchObject([{ offset: 3 }]);
  expect(outbox.after(0, 10).map(({ offset }) => offset)).toEqual([1, 2, 3]);
  expect(outbox.nodeCursor).toBe('4');
});

test('the same event has the same id in every outbox, and another mark', () => {
  const [one] = outboxOf().append([settled('a')], {});
  const [other] = outboxOf(folder.join('other.db')).append([settled('a')], {});
  expect(one?.id).toBe(other?.id);
  expect(one?.mark).not.toBe(other?.mark);
});

test('an outbox is one process’s, of one node, and nothing else is taken for one', () => {
  const outbox = outboxOf();
  expect(() => outboxOf()).toThrow(expect.objectContaining({ code: 'LOCKED' }));
  expect(() => outbox.bind(OTHER_NODE)).toThrow(expect.objectContaining({ code: 'OTHER_NODE' }));
  const ledger = folder.join('ledger.db');
  const database = new DatabaseSync(ledger);
  database.exec('CREATE TABLE quotes (id)');
  database.close();
  const noise = folder.join('noise.db');
  writeFileSync(noise, 'x'.repeat(5000));
  for (const file of [ledger, noise]) {
    expect(() => openOutbox({ path: file, clock, random: systemRandom })).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  }
});

test('a position of before a restore is told from the same number after it', () => {
  const outbox = outboxOf();
  outbox.append([settled('a')], {});
  outbox[Symbol.dispose]();
  const copy = folder.join('copy.db');
  copyFileSync(path, copy);
  const went = outboxOf();
  went.append([settled('b'), settled('c')], {});
  const { head } = went;
  const restored = outboxOf(copy);
  expect(restored.standing(head)).toBe('ahead');
  restored.append([settled('x'), settled('y'), settled('z')], {});
  expect(restored.standing(head)).toBe('other');
  expect(restored.standing({ offset: 1, mark: went.after(0, 1)[0]?.mark ?? '' })).toBe('good');
});

test('what all have acknowledged goes, but for the newest; what one has not stays until the bound', () => {
  const outbox = outboxOf();
  outbox.consumers.name([
    { name: 'a', kind: 'server' },
    { name: 'a', kind: 'webhook' },
  ]);
  outbox.append(
    Array.from({ length: 1500 }, (_, index) => settled(`e${index}`)),
    {},
  );
  expect(outbox.prune(10_000)).toBeUndefined();
  expect(outbox.floor.offset).toBe(0);
  outbox.consumers.acknowledge('a', outbox.head);
  expect(outbox.prune(10_000)).toBeUndefined();
  expect(outbox.floor.offset).toBe(0);
  outbox.consumers.delivered('a', outbox.head);
  expect(outbox.prune(10_000)).toBeUndefined();
  expect(outbox.floor.offset).toBe(500);
  expect(outbox.standing({ offset: 499, mark: 'aa' })).toBe('pruned');
  expect(outbox.standing(outbox.floor)).toBe('good');
  outbox.consumers.name([{ name: 'late', kind: 'server' }]);
  outbox.append(
    Array.from({ length: 300 }, (_, index) => settled(`f${index}`)),
    {},
  );
  expect(outbox.prune(100)).toBe(1700);
  expect([outbox.floor.offset, outbox.size]).toEqual([1700, 100]);
});

test('consumers are those of the config: a new one begins at the end, a removed one holds up nobody, all outlive the process', () => {
  const outbox = outboxOf();
  outbox.append([settled('a')], {});
  outbox.consumers.name([{ name: 'shop', kind: 'server' }]);
  expect(outbox.consumers.get('shop', 'server')?.position.offset).toBe(1);
  const [event] = outbox.append([settled('b')], {});
  outbox.consumers.acknowledge('shop', event as NonNullable<typeof event>);
  outbox[Symbol.dispose]();
  const again = outboxOf();
  expect(again.consumers.get('shop', 'server')?.position).toEqual({ offset: 2, mark: event?.mark });
  expect(again.consumers.name([{ name: 'books', kind: 'webhook' }])).toMatchObject({
    added: [{ name: 'books' }],
    removed: [{ name: 'shop' }],
  });
  expect(again.consumers.lowest()).toBe(2);
});

test('a transaction that fails takes back all of it', () => {
  const outbox = outboxOf();
  outbox.append([settled('a')], { nodeCursor: cursor('1') });
  outbox.database.exec("CREATE TRIGGER full BEFORE UPDATE OF node_cursor ON outbox BEGIN SELECT raise(ABORT, 'full'); END");
  expect(() => outbox.append([settled('b')], { nodeCursor: cursor('2') })).toThrow(expect.objectContaining({ name: 'ListenerError' }));
  expect([outbox.head.offset, outbox.nodeCursor, outbox.after(0, 10).length]).toEqual([1, '1', 1]);
  outbox.database.exec('DROP TRIGGER full');
  expect(outbox.append([settled('b')], { nodeCursor: cursor('2') })).toMatchObject([{ offset: 2 }]);
});

test('the order of first observation is kept for a node that has none, without holes', async () => {
  const log = outboxSettlementLog(outboxOf());
  expect(await log.append(NODE, [settlementOf('a'), settlementOf('b')])).toMatchObject([{ position: 1 }, { position: 2 }]);
  expect(await log.append(NODE, [settlementOf('b'), settlementOf('c')])).toEqual([{ position: 3, settlement: settlementOf('c') }]);
  expect(await log.after(NODE, 1, 5)).toEqual([
    { position: 2, settlement: settlementOf('b') },
    { position: 3, settlement: settlementOf('c') },
  ]);
  expect([await log.head(NODE), await log.checkpoint(NODE)]).toEqual([3, undefined]);
  await log.saveCheckpoint(NODE, 'one');
  await log.saveCheckpoint(NODE, 'two');
  expect(await log.checkpoint(NODE)).toBe('two');
  await expect(log.head(OTHER_NODE)).rejects.toMatchObject({ code: 'OTHER_NODE' });
});
