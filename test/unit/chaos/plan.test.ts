import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readOptions } from '../../chaos/options.ts';
import { nameOf, planRound } from '../../chaos/plan.ts';
import { PlanRandom } from '../../chaos/random.ts';
import { SABOTAGES } from '../../chaos/sabotage/names.ts';

const OPTIONS = { kills: 5, payers: 16, wallets: 2, faulty: { seller: 'seller', buyers: ['buyer', 'buyer2'] }, wires: 0 };

test('a plan depends on its seed alone', () => {
  const plan = (seed: string) => planRound(new PlanRandom(seed).fork('lane-0').fork('round-3'), OPTIONS);
  expect(plan('7')).toEqual(plan('7'));
  expect(plan('7')).not.toEqual(plan('8'));
});

test('a round has its kills, its payers, and one who only looks', () => {
  const { buyers, deeds } = planRound(new PlanRandom('1'), OPTIONS);
  expect(deeds.filter(({ deed }) => deed.kind.startsWith('kill-'))).toHaveLength(5);
  expect(buyers.filter(({ wallet }) => wallet !== undefined)).toHaveLength(16);
  expect(buyers.filter(({ wallet }) => wallet === undefined)).toHaveLength(1);
  expect(deeds.every(({ buyer }) => buyer < 16)).toBe(true);
});

test('each fault that can be built in has its modules', () => {
  for (const { server, buyer, listener } of Object.values(SABOTAGES)) {
    for (const file of [server, buyer, listener]) {
      if (file !== undefined) expect(existsSync(new URL(`../../chaos/sabotage/${file}`, import.meta.url)), file).toBe(true);
    }
  }
});

test('the command line is checked', () => {
  expect(readOptions(['--kills', '3', '--seed', '5'])).toMatchObject({ network: 'simulated', kills: 3, seed: '5', lanes: 1 });
  expect(() => readOptions(['--kills', 'many'])).toThrow('a whole number from 1');
  expect(() => readOptions(['--sabotage', 'nothing'])).toThrow('double-pay');
});

test('where wires can be cut they are, each of them in every way; and the rest of the troubles come too', () => {
  const names = new Set<string>();
  for (let seed = 0; seed < 300; seed += 1) {
    const { deeds } = planRound(new PlanRandom(String(seed)), { ...OPTIONS, wires: 3 });
    for (const { deed } of deeds) names.add(deed.kind === 'wire' ? `${nameOf(deed)} ${deed.wire}` : nameOf(deed));
  }
  for (const how of ['cut', 'mute', 'refuse']) for (const wire of [0, 1, 2]) expect(names).toContain(`wire-${how} ${wire}`);
  const others = ['kill-server', 'kill-network', 'kill-buyer', 'stop-server', 'disk-full', 'clock', 'lose-reply', 'refuse', 'restart'];
  for (const name of [...others, 'settlement-events-drop', 'settlement-events-repeat', 'settlement-events-delay'])
    expect(names).toContain(name);
});

test('a listener of its own is killed, stopped, loses its outbox and is left for the node; without one nobody does that', () => {
  const namesOf = (listener: boolean): ReadonlySet<string> => {
    const names = new Set<string>();
    for (let seed = 0; seed < 100; seed += 1) {
      for (const { deed } of planRound(new PlanRandom(String(seed)), { ...OPTIONS, listener }).deeds) names.add(nameOf(deed));
    }
    return names;
  };
  const own = ['kill-listener', 'stop-listener', 'lose-outbox', 'switch-source'];
  const [apart, together] = [namesOf(true), namesOf(false)];
  for (const name of own) expect([apart.has(name), together.has(name)], name).toEqual([true, false]);
  expect(apart.has('kill-server')).toBe(true);
});
