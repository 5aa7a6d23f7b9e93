import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { MemoryStore } from '../../../src/adapters/simulated/network/store.ts';
import { SqliteStore } from '../../../src/adapters/simulated/persistence/sqlite-store.ts';
import { connectSimnet, SimnetConnection, SocketNode } from '../../../src/adapters/simulated/socket/client.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage, type PaymentHash, preimage } from '../../../src/core/lightning/identifiers.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { missingMsat, until, world } from './world.ts';

const dirs: string[] = [];
const children: ChildProcess[] = [];

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'simnet-'));
  dirs.push(dir);
  return dir;
}

async function startProcess(dir: string, more: object = {}): Promise<ChildProcess> {
  const config = JSON.stringify({ socket: join(dir, 's.sock'), dir: join(dir, 'net'), ...more });
  const script = new URL('./simnet-process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, config], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => ['it ended'])]);
  expect(String(line)).toBe('ready\n');
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null && child.signalCode === null) await killed(child);
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

test('what was answered is there after kill -9, held payments too', async () => {
  const dir = directory();
  let child = await startProcess(dir);
  const connection = new SimnetConnection(join(dir, 's.sock'));
  const control = connectSimnet(join(dir, 's.sock'));
  const [seller, buyer, buyer2] = ['seller', 'buyer', 'buyer2'].map((name) => new SocketNode(connection, name)) as [
    SocketNode,
    SocketNode,
    SocketNode,
  ];
  const secret = preimage('ab'.repeat(32));
  const hold = { paymentHash: hashOfPreimage(secret) };
  const { nodeId } = await seller.call('info', {});
  const held = await seller.call('createInvoice', { amountMsat: msat(5000), description: 'held', expirySeconds: 600, hold });
  expect((await buyer2.call('pay', { paymentRequest: held.paymentRequest, maxFeeMsat: sat(10), timeoutMs: 0 })).status).toBe('pending');
  const settled: PaymentHash[] = [];
  for (let round = 0; round < 3; round += 1) {
    // Killed while payments are being made: those that were answered must be there, the others may be.
    const paying = (async () => {
      for (;;) {
        const invoice = await seller.call('createInvoice', { amountMsat: msat(1000), description: '', expirySeconds: 600 });
        const outcome = await buyer.call('pay', { paymentRequest: invoice.paymentRequest, maxFeeMsat: sat(10) });
        if (outcome.status === 'settled') settled.push(outcome.paymentHash);
      }
    })().catch((error: { readonly code?: string }) => error.code);
    const enough = settled.length + 5 + round * 3;
    await until('some were paid', () => settled.length >= enough);
    await killed(child);
    expect(await paying).toBe('CONNECTION_LOST');
    await expect(seller.call('info', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    child = await startProcess(dir);
    expect((await seller.call('info', {})).nodeId).toBe(nodeId);
    const told = await seller.call('settledAfter', { number: 0 });
    expect(told.map(({ number }) => number)).toEqual(told.map((_, at) => at + 1));
    const hashes = new Set(told.map(({ settlement }) => settlement.paymentHash));
    expect(settled.filter((hash) => !hashes.has(hash))).toEqual([]);
    for (const hash of settled) expect((await buyer.call('lookupPayment', { paymentHash: hash }))?.status).toBe('settled');
    const { minedMsat, ...parts } = await control.call('audit', {});
    expect(Object.values(parts).reduce((sum, part) => sum + part, 0n)).toBe(minedMsat);
    expect(parts.inFlightMsat).toBe(5000n + 6000n);
  }
  await seller.call('settleHeld', { preimage: secret });
  expect(await buyer2.call('lookupPayment', hold)).toMatchObject({ status: 'settled', preimage: secret });
  expect((await control.call('nodes', {})).map(({ name }) => name)).toEqual(['seller', 'buyer', 'buyer2', 'router']);
  await connection[Symbol.asyncDispose]();
  await control[Symbol.asyncDispose]();
});

test('payments that were on their way go on after a restart', async () => {
  const [store, clock] = [new MemoryStore(), new ManualClock()];
  const before = world({ store, clock });
  await before.simnet.control.call('faults', { kind: 'hop-delay', delayMs: 1_000 });
  const invoice = await before.backend('seller').invoices.create({ amountMsat: msat(1000), description: '', expirySeconds: 600 });
  before.simnet.network.pay('buyer2', { paymentRequest: invoice.paymentRequest, maxFeeMsat: sat(10) });
  clock.advance(1_500);
  expect(before.simnet.network.audit().inFlightMsat).toBeGreaterThan(0n);
  await before.simnet[Symbol.asyncDispose]();
  const after = world({ store, clock });
  expect(await after.backend('buyer2').payments.lookup(invoice.paymentHash)).toMatchObject({ status: 'settled' });
  expect(missingMsat(after.simnet)).toBe(0n);
  // A network with a seed draws anew after a restart, or it would make the same invoice twice.
  await after.backend('seller').invoices.create({ amountMsat: msat(1000), description: '', expirySeconds: 600 });
});

test('a change that can not be written has not happened', async () => {
  class FullStore extends MemoryStore {
    full = false;
    override commit(records: Parameters<MemoryStore['commit']>[0]): void {
      if (this.full) throw new Error('no space left');
      super.commit(records);
    }
  }
  const store = new FullStore();
  const at = world({ store });
  const { paymentRequest } = await at.backend('seller').invoices.create({ amountMsat: msat(1000), description: '', expirySeconds: 600 });
  const state = async () => [
    await at.backend('buyer').channels.balances(),
    await at.backend('seller').invoices.list(),
    at.simnet.network.audit(),
  ];
  const before = await state();
  store.full = true;
  expect(() => at.simnet.network.pay('buyer', { paymentRequest, maxFeeMsat: sat(10) })).toThrow('no space left');
  await expect(at.backend('seller').invoices.create({ amountMsat: msat(1), description: '', expirySeconds: 600 })).rejects.toMatchObject({
    code: 'INTERNAL',
  });
  await expect(at.simnet.control.call('mine', {})).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(await state()).toEqual(before);
  store.full = false;
  expect(at.simnet.network.pay('buyer', { paymentRequest, maxFeeMsat: sat(10) }).status).toBe('settled');
  expect(await at.backend('seller').invoices.settlementsHead()).toBe('simulated:1');
});

test('a directory that another has open is refused by its name, and so is a file that is no network', () => {
  const dir = directory();
  const store = new SqliteStore(dir);
  expect(() => new SqliteStore(dir)).toThrow(expect.objectContaining({ code: 'CONFLICT', message: expect.stringContaining(dir) }));
  expect(statSync(join(dir, 'network.db')).mode & 0o777).toBe(0o600);
  store.close();
  new SqliteStore(dir).close();
  const other = directory();
  writeFileSync(join(other, 'network.db'), 'this is not a database, and long enough to be seen to be none'.repeat(20));
  expect(() => new SqliteStore(other)).toThrow(expect.objectContaining({ code: 'INTERNAL', message: expect.stringContaining(other) }));
});
