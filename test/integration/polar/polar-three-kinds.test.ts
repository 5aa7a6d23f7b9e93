import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { emulatedNetwork } from '../../../regtest/emulated/network.ts';
import type { RegtestNetwork } from '../../../regtest/network.ts';
import { polarNetwork } from '../../../regtest/polar/polar-network.ts';
import { type WrittenPolarHome, writePolarHome } from '../../../regtest/polar/write-home.ts';
import { loadConfig } from '../../../src/app/config/load.ts';
import { diagnose } from '../../../src/app/doctor/diagnose.ts';
import { openToLook } from '../../../src/app/doctor/open-backend.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';

// Programs and nodes of their own: slow where the machine is busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let inner: RegtestNetwork;
let home: WrittenPolarHome;
let polar: RegtestNetwork;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ltp-polar-'));
  inner = await emulatedNetwork({ payer: 'lnd', middle: 'cln', payee: 'eclair' });
  home = await writePolarHome(inner, dir);
  polar = await polarNetwork(home.options);
  for (const role of ['payer', 'middle'] as const) await polar.fund(role, 20_000_000);
  await polar.openChannel({ from: 'payer', to: 'middle', capacitySat: 5_000_000, pushSat: 1_000_000 });
  await polar.openChannel({ from: 'middle', to: 'payee', capacitySat: 5_000_000, pushSat: 1_000_000 });
});
afterAll(async () => {
  await polar?.[Symbol.asyncDispose]();
  await home?.[Symbol.asyncDispose]();
  await inner?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

async function written(node: string): Promise<string> {
  const file = join(dir, `${node}.yaml`);
  await writeFile(file, `backend: { kind: polar, home: ., network: regtest, node: ${node} }\n`);
  return file;
}

test("lnd pays eclair over Core Lightning, each looked up in Polar's files", async () => {
  const [payer, payee] = [await polar.node('payer').backend(), await polar.node('payee').backend()];
  const invoice = await payee.invoices.create({ amountMsat: msat(100_000), description: 'polar', expirySeconds: 600 });
  const outcome = await payer.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: msat(10_000) });
  expect(outcome.status).toBe('settled');
  expect(polar.nodes.map(({ kind }) => kind)).toEqual(['lnd', 'cln', 'eclair']);
});

for (const [node, kind] of [
  ['alice', 'lnd'],
  ['bob', 'cln'],
  ['carol', 'eclair'],
] as const) {
  test(`a server's config with kind: polar is one of ${kind}, and the doctor finds it usable for selling`, async () => {
    const file = await written(node);
    expect((await loadConfig({ file })).backend.kind).toBe(kind);
    const opened = await openToLook(file, { clock: systemClock, random: systemRandom, logger: silentLogger });
    const before = (await opened.backend.invoices.list()).items.length;
    const diagnosis = await diagnose({ ...opened, purpose: 'sell', clock: systemClock, signal: AbortSignal.timeout(15_000) });
    expect(diagnosis.checks.filter(({ status }) => status === 'fail' || status === 'unseen')).toEqual([]);
    expect(diagnosis).toMatchObject({ kind, usable: true, rights: 'full', synced: true, clockSkewMs: 0, network: 'regtest' });
    expect((await opened.backend.invoices.list()).items.length).toBeLessThanOrEqual(before + 1);
    await opened[Symbol.asyncDispose]();
  });
}

test('stopped and started by what stands in for docker, each is away and back', async () => {
  for (const role of ['middle', 'payee'] as const) {
    const node = polar.node(role);
    await node.stop();
    await expect((await node.backend()).node.info()).rejects.toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|CONNECTION_LOST/) });
    await node.start();
    expect((await (await node.backend()).node.info()).synced).toBe(true);
  }
});

test('a home can be written around nodes of eclair alone, which have no files there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ltp-polar-'));
  await using eclairs = await emulatedNetwork({ payer: 'eclair' });
  try {
    await using written = await writePolarHome(eclairs, folder);
    await using attached = await polarNetwork(written.options);
    expect((await (await attached.node('payee').backend()).node.info()).synced).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
