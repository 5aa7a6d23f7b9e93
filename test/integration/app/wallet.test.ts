import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSimnet } from '../../../src/adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../../../src/adapters/simulated/simnet-config.ts';
import { PaymentStore } from '../../../src/app/payment-store.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { defaultStateDir, openWallet } from '../../../src/app/wallet.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import type { NodeIdentity } from '../../../src/core/lightning/backend.ts';
import type { NodeId, PaymentHash } from '../../../src/core/lightning/identifiers.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';

let folder: string;
const open: AsyncDisposable[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-wallet-'));
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function kept<T extends AsyncDisposable>(thing: T): T {
  open.push(thing);
  return thing;
}

async function walletFile(node: string): Promise<string> {
  const file = join(folder, `${node}.yaml`);
  await writeFile(file, `backend: { kind: simulated, socket: simnet.sock, node: ${node} }\n`);
  return file;
}

const node: NodeIdentity = { network: 'regtest', nodeId: `02${'1'.repeat(64)}` as NodeId };
const intent = (hash: string) => ({
  node,
  paymentHash: hash.repeat(64) as PaymentHash,
  paymentRequest: 'lnbcrt1',
  keysend: undefined,
  amountMsat: msat(1n),
  maxFeeMsat: msat(0n),
  createdAt: 1,
  expiresAt: 2,
});

test('a wallet pays, and two of them with the same state pay an invoice once between them', async () => {
  const config = simnetConfigSchema.parse({ socket: join(folder, 'simnet.sock'), dir: join(folder, 'simnet') });
  kept(await startSimnet(config, { clock: systemClock, random: systemRandom, logger: silentLogger }));
  const stateDir = join(folder, 'state');
  const seller = kept(await openWallet({ file: await walletFile('seller'), stateDir: join(folder, 'other'), logger: silentLogger }));
  const one = kept(await openWallet({ file: await walletFile('buyer'), stateDir, logger: silentLogger }));
  const two = kept(await openWallet({ file: await walletFile('buyer'), stateDir, logger: silentLogger }));
  const { paymentRequest } = await seller.backend.invoices.create({ amountMsat: sat(100), description: 'cat', expirySeconds: 60 });
  const before = await one.backend.channels.balances();
  const outcomes = await Promise.all([one, two, one].map(({ backend }) => backend.payments.pay({ paymentRequest, maxFeeMsat: sat(1) })));
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['settled', 'settled', 'settled']);
  expect((await one.backend.channels.balances()).localMsat).toBe(before.localMsat - 100_000n);
  expect((await stat(stateDir)).mode & 0o077).toBe(0);
});

test('an intent that one process has begun is not begun by another', async () => {
  const path = join(folder, 'payments.db');
  const one = kept(new PaymentStore({ path, clock: systemClock }));
  const two = kept(new PaymentStore({ path, clock: systemClock }));
  const begun = await Promise.all([one, two, one, two].map(({ intents }) => intents.begin(intent('a'))));
  expect(begun.filter((each) => each.begun)).toHaveLength(1);
});

test('the file is given back between uses, and waited for while somebody else has it', async () => {
  const path = join(folder, 'payments.db');
  const store = kept(new PaymentStore({ path, clock: systemClock }));
  await store.intents.begin(intent('b'));
  const deadline = Date.now() + 5_000;
  let other: Awaited<ReturnType<typeof openSqliteLedger>> | undefined;
  while (other === undefined && Date.now() < deadline)
    other = await openSqliteLedger({ path, logger: silentLogger }).catch(() => undefined);
  expect(other).toBeDefined();
  const waiting = store.intents.find(node, intent('b').paymentHash);
  await other?.[Symbol.asyncDispose]();
  expect(await waiting).toMatchObject({ attempts: 1 });
});

test('a payment store that is closed says so, and closing waits for what is under way', async () => {
  const store = new PaymentStore({ path: join(folder, 'payments.db'), clock: systemClock });
  const beginning = store.intents.begin(intent('c'));
  await store[Symbol.asyncDispose]();
  expect(await beginning).toMatchObject({ begun: true });
  await expect(store.intents.begin(intent('d'))).rejects.toThrow(expect.objectContaining({ code: 'CLOSED' }));
});

test('state is kept where the XDG specification says', () => {
  expect(defaultStateDir({ XDG_STATE_HOME: '/var/state' })).toBe('/var/state/lightning-tickerplant');
  expect(defaultStateDir({ XDG_STATE_HOME: 'relative' })).toMatch(/\/\.local\/state\/lightning-tickerplant$/);
  expect(defaultStateDir({})).toMatch(/\/\.local\/state\/lightning-tickerplant$/);
});
