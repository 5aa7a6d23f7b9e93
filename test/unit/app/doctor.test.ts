import { expect, test } from 'vitest';
import { simulated } from '../../../src/adapters/simulated/definition.ts';
import type { BackendConfig } from '../../../src/app/config/backend.ts';
import { checkConnection, checkExpiry, checkSynced, checkVersion } from '../../../src/app/doctor/connection-checks.ts';
import { type DiagnoseOptions, diagnose } from '../../../src/app/doctor/diagnose.ts';
import type { Check, Diagnosis } from '../../../src/app/doctor/diagnosis.ts';
import type { Observations } from '../../../src/app/doctor/observe.ts';
import { checkRights, rightsOf } from '../../../src/app/doctor/selling-checks.ts';
import { diagnosisForPeople, exitCodeOfDiagnosis } from '../../../src/bin/doctor-report.ts';
import { sat } from '../../../src/core/lightning/amount.ts';
import type { NodeInfo } from '../../../src/core/lightning/backend.ts';
import { LightningError, type LightningErrorCode } from '../../../src/core/lightning/errors.ts';
import { nodeId } from '../../../src/core/lightning/identifiers.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { hurriedClock } from '../shared/adapter-dependencies.ts';
import { type World, world } from '../simulated/world.ts';

const CONFIG: BackendConfig = { kind: 'simulated', definition: simulated, config: {} };

async function examine(net: World, node: string, options: Partial<DiagnoseOptions> = {}): Promise<Diagnosis> {
  const backend = net.backend(node);
  try {
    return await diagnose({ backend, config: CONFIG, purpose: 'sell', clock: net.clock, signal: AbortSignal.timeout(10_000), ...options });
  } finally {
    await backend[Symbol.asyncDispose]();
  }
}

function check(diagnosis: Diagnosis, name: string): Check {
  const found = diagnosis.checks.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no check ${name}`);
  return found;
}

test('a node that can be paid is usable for selling; one invoice was made and withdrawn, and nothing else changed', async () => {
  const net = world();
  const diagnosis = await examine(net, 'seller');
  expect(diagnosis).toMatchObject({ reachable: true, usable: true, rights: 'full', network: 'regtest', synced: true, clockSkewMs: 0 });
  expect(diagnosis.checks.map(({ name }) => name)).toEqual([
    'connection',
    'network',
    'version',
    'synced',
    'rights',
    'invoices',
    'clock',
    'inbound',
    'outbound',
  ]);
  expect(exitCodeOfDiagnosis(diagnosis)).toBe(0);
  const backend = net.backend('seller');
  const { items } = await backend.invoices.list();
  expect(items.map(({ state, amountMsat }) => [state, amountMsat])).toEqual([['cancelled', 1000n]]);
});

test('a node without inbound capacity is not usable for selling, and is for paying', async () => {
  const net = world({ nodes: ['seller', 'buyer'], channels: [{ from: 'seller', to: 'buyer', sat: 1_000_000 }] });
  const seller = await examine(net, 'seller');
  expect(check(seller, 'inbound')).toMatchObject({ status: 'fail', advice: expect.stringContaining('open a channel to this node') });
  expect(exitCodeOfDiagnosis(seller)).toBe(1);
  expect((await examine(net, 'seller', { purpose: 'pay' })).usable).toBe(true);
  const buyer = await examine(net, 'buyer', { purpose: 'pay' });
  expect(check(buyer, 'outbound')).toMatchObject({ status: 'fail' });
  expect(diagnosisForPeople(buyer)).toMatch(
    /fail +outbound +can send about 0 sat over 1 channel\n +→ open a channel from this node.*\nnot usable for paying\n$/s,
  );
});

test('inbound capacity below the price of one symbol is not enough', async () => {
  const net = world({ nodes: ['seller', 'buyer'], channels: [{ from: 'buyer', to: 'seller', sat: 100_000 }] });
  expect((await examine(net, 'seller', { priceMsat: sat(50_000) })).usable).toBe(true);
  const short = await examine(net, 'seller', { priceMsat: sat(200_000) });
  expect(check(short, 'inbound')).toMatchObject({ status: 'fail', detail: expect.stringContaining('one symbol costs 200000 sat') });
});

test('a clock that is apart is measured by a fresh invoice, and says what follows', async () => {
  const net = world();
  for (const [ahead, status, detail] of [
    [500, 'ok', /^as ours$/],
    [3_000, 'ok', /^\d\.\d s behind ours$/],
    [60_000, 'warn', /is (?:59|60) s behind ours/],
    [-60_000, 'warn', /is (?:60|61) s ahead of ours/],
    [3_600_000, 'fail', /is (?:3599|3600) s behind ours/],
  ] as const) {
    const ours = new ManualClock(Math.ceil(net.clock.now() / 1000) * 1000 + ahead);
    const clock = check(await examine(net, 'seller', { clock: ours }), 'clock');
    expect(clock.status).toBe(status);
    expect(clock.detail).toMatch(detail);
  }
});

test('a node that is away is not reachable, with the advice to start it, in Polar where it is one of those', async () => {
  const net = world();
  await net.simnet.control.call('faults', { kind: 'refuse', node: 'seller', refuse: true });
  const diagnosis = await examine(net, 'seller');
  expect(diagnosis).toMatchObject({ reachable: false, usable: false });
  expect(exitCodeOfDiagnosis(diagnosis)).toBe(4);
  expect(check(diagnosis, 'connection').advice).toContain('start the node');
  const inPolar = await examine(net, 'seller', { config: { ...CONFIG, via: "Polar's node alice in network 1 (dev)" } });
  expect(check(inPolar, 'connection').advice).toContain('start the network in Polar');
});

test('a node that starts is waited for, and it is said why', async () => {
  const net = world();
  await net.simnet.control.call('faults', { kind: 'refuse', node: 'seller', refuse: true });
  const clock = hurriedClock(100);
  const waited: string[] = [];
  const onWaiting = (why: string) => {
    waited.push(why);
    net.simnet.control.call('faults', { kind: 'refuse', node: 'seller', refuse: false }).catch(() => undefined);
  };
  const diagnosis = await examine(net, 'seller', { clock, waitUntil: clock.now() + 600_000, onWaiting });
  expect(diagnosis.reachable).toBe(true);
  expect(waited).toHaveLength(1);
});

test('a node that never answers ends with the time that was given', async () => {
  const net = world();
  const backend = net.backend('seller');
  const hung = {
    ...backend,
    node: { info: () => new Promise<never>(() => undefined), identity: () => new Promise<never>(() => undefined) },
  };
  const clock = hurriedClock(100);
  const signal = new AbortController().signal;
  const options = { backend: hung, config: CONFIG, purpose: 'sell', clock, signal, timeoutMs: 5_000 } as const;
  const waited: string[] = [];
  const diagnosis = await diagnose({ ...options, waitUntil: clock.now() + 20_000, onWaiting: (why) => waited.push(why) });
  expect(waited).toEqual(['the node did not answer in time']);
  expect(diagnosis).toMatchObject({ reachable: false, usable: false });
  expect(check(diagnosis, 'connection').detail).toContain('did not answer in time');
});

const INFO: NodeInfo = {
  network: 'regtest',
  nodeId: nodeId(`02${'11'.repeat(32)}`),
  alias: 'a\u001b[31m\nb',
  version: '9.9',
  blockHeight: 7,
  synced: false,
  uris: [],
};
const error = (code: LightningErrorCode) => ({ error: new LightningError(code, `said ${code}`, { operation: 'test' }) });
const denied = error('UNAUTHENTICATED');
const notFound = error('NOT_FOUND');
const fine = { value: [] };
const NOTHING: Observations = {
  info: { value: INFO },
  credentials: undefined,
  invoice: undefined,
  identity: undefined,
  channels: undefined,
  payments: undefined,
  spending: undefined,
};
const invoice = { value: {} } as unknown as NonNullable<Observations['invoice']>;

test('what a credential may do is told by what is refused for it', () => {
  const all: Observations = { ...NOTHING, invoice, channels: fine, payments: fine, spending: notFound };
  expect(rightsOf(all)).toBe('full');
  expect(rightsOf({ ...all, spending: denied })).toBe('partial');
  expect(rightsOf({ ...all, invoice: denied, spending: denied })).toBe('read-only');
  const invoicesOnly: Observations = {
    info: denied,
    credentials: undefined,
    invoice,
    identity: undefined,
    channels: denied,
    payments: denied,
    spending: denied,
  };
  expect(rightsOf(invoicesOnly)).toBe('invoices-only');
  expect(rightsOf(NOTHING)).toBeUndefined();
  const withInvoiceOnly = { ...simulated.capabilities, invoiceOnlyCredential: true };
  expect(checkRights(all, withInvoiceOnly, 'sell', 'lnd')).toMatchObject({
    status: 'warn',
    advice: expect.stringContaining('invoice.macaroon'),
  });
  expect(checkRights(all, simulated.capabilities, 'sell', 'cln')).toMatchObject({
    status: 'ok',
    detail: 'full; cln has no credential for invoices only',
    advice: expect.stringContaining('can spend'),
  });
  expect(checkRights(invoicesOnly, withInvoiceOnly, 'sell', 'lnd').status).toBe('ok');
  expect(checkRights(invoicesOnly, withInvoiceOnly, 'pay', 'lnd').status).toBe('fail');
  expect(checkRights({ ...all, invoice: denied, spending: denied }, withInvoiceOnly, 'sell', 'lnd').status).toBe('fail');
  expect(checkRights({ ...all, spending: denied }, withInvoiceOnly, 'sell', 'lnd')).toMatchObject({
    status: 'ok',
    detail: "some, not all; it can't spend",
  });
});

test('each way of not being let in has its advice, and only silence counts as not reachable', () => {
  for (const [code, reachable, advice] of [
    ['UNAVAILABLE', false, 'start the node'],
    ['TIMEOUT', false, '--timeout'],
    ['CONNECTION_LOST', false, 'restarted'],
    ['UNAUTHENTICATED', true, 'credential'],
    ['WRONG_NETWORK', true, "set the config's network"],
    ['PROTOCOL', true, 'proxy'],
    ['NOT_SYNCED', true, 'caught up'],
  ] as const) {
    const connection = checkConnection({ ...NOTHING, info: error(code) }, 'lnd', undefined);
    expect(connection).toMatchObject({ reachable, works: false, check: { status: 'fail', advice: expect.stringContaining(advice) } });
  }
});

test('a version that was not tried and a node behind the chain are said to be so', () => {
  const versions = { text: '1.x', includes: (version: string) => version.startsWith('1.') };
  expect(checkVersion(NOTHING, versions)).toMatchObject({
    status: 'warn',
    detail: '9.9 is not a version that the adapter was made for (1.x)',
  });
  expect(checkVersion({ ...NOTHING, info: { value: { ...INFO, version: '1.2' } } }, versions).status).toBe('ok');
  expect(checkVersion({ ...NOTHING, info: denied }, versions).status).toBe('unseen');
  expect(checkSynced(NOTHING)).toMatchObject({ status: 'fail', advice: expect.stringContaining('--wait') });
});

test('credentials that end soon are warned of, and those that have ended fail', () => {
  const now = Date.UTC(2026, 0, 1);
  const day = 86_400_000;
  const facts = [undefined, now + 100 * day, now + 3 * day, now - 1].map((expiresAt) => ({ what: 'macaroon', place: '/m', expiresAt }));
  expect(checkExpiry({ value: facts }, now).map(({ status, detail }) => `${status} ${detail}`)).toEqual([
    'ok does not expire (/m)',
    'ok expires 2026-04-11 00:00 UTC, in 100 days (/m)',
    'warn expires 2026-01-04 00:00 UTC, in 3 days (/m)',
    'fail expired 2025-12-31 23:59 UTC (/m)',
  ]);
  expect(checkExpiry(denied, now)).toEqual([]);
});

test("a node's own words can't move the cursor of a terminal", () => {
  const checks: Check[] = [{ name: 'network', status: 'ok', detail: INFO.alias }];
  const text = diagnosisForPeople({ kind: 'lnd', purpose: 'sell', reachable: true, usable: true, checks });
  expect(text).toBe('ok      network  a [31m b\nusable for selling\n');
});
