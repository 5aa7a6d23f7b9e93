import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lnd } from '../../src/adapters/lnd/definition.ts';
import { msat, sat } from '../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../src/core/lightning/backend.ts';
import { isLightningError, type LightningErrorCode } from '../../src/core/lightning/errors.ts';
import { hashOfPreimage, preimage } from '../../src/core/lightning/identifiers.ts';
import type { Invoice } from '../../src/core/lightning/invoice.ts';
import type { SettlementCursor, SettlementEvent } from '../../src/core/lightning/settlement.ts';
import { memoryDependencies } from '../dependencies.ts';
import type { NodeConfig, RegtestNetwork } from '../network.ts';
import { waitUntil } from '../wait-until.ts';
import { startNativeNetwork } from './native-network.ts';

/** The lnd adapter against real lnd nodes, a step a line: `node regtest/native/try-lnd.ts`. */
const started = performance.now();
const say = (line: string): void => console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`);
const DEADLINE_MS = 30_000;

function show(value: unknown): string {
  return JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? `${field}` : field));
}

async function open(config: NodeConfig | undefined): Promise<LightningBackend> {
  assert(config !== undefined);
  return await lnd.create(lnd.configSchema.parse(config), memoryDependencies());
}

async function rejects(promise: Promise<unknown>, code: LightningErrorCode): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert(isLightningError(error), `not a LightningError: ${error}`);
    assert.equal(error.code, code, `${error.code}: ${error.message}`);
    return error.message;
  }
  return assert.fail(`did not fail with ${code}`);
}

async function take(events: AsyncIterator<SettlementEvent>, count: number): Promise<SettlementEvent[]> {
  const taken: SettlementEvent[] = [];
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  while (taken.length < count) {
    const next = await Promise.race([
      events.next(),
      new Promise<never>((_, reject) => deadline.addEventListener('abort', () => reject(new Error('no settlement in time')))),
    ]);
    if (next.done) break;
    if (next.value.kind === 'settled') taken.push(next.value);
  }
  return taken;
}

async function tryInvoices(payee: LightningBackend): Promise<void> {
  const terms = { amountMsat: msat(12_345), description: 'café ☕', expirySeconds: 600 } as const;
  const plain = await payee.invoices.create(terms);
  assert.equal(plain.amountMsat, 12_345n);
  assert.equal(plain.description, 'café ☕');
  assert.equal(plain.expiresAt - plain.createdAt, 600_000);
  assert.equal(plain.state, 'open');
  assert.deepEqual(await payee.invoices.lookup(plain.paymentHash), plain);
  assert.equal(await payee.invoices.lookup(hashOfPreimage(preimage('11'.repeat(32)))), undefined);
  const long = await payee.invoices.create({ ...terms, description: `${'é'.repeat(319)}x` });
  assert.equal((await payee.payments.decode(long.paymentRequest)).description, long.description);
  await rejects(payee.invoices.create({ ...terms, description: 'é'.repeat(320) }), 'INVALID_ARGUMENT');
  const hashed = await payee.invoices.create({ ...terms, description: { sha256: 'ab'.repeat(32) } });
  assert.equal(hashed.descriptionHash, 'ab'.repeat(32));
  const labelled = await payee.invoices.create({ ...terms, label: 'quote-1' });
  assert.equal((await payee.invoices.create({ ...terms, label: 'quote-1' })).paymentHash, labelled.paymentHash);
  await rejects(payee.invoices.create({ ...terms, amountMsat: msat(1), label: 'quote-1' }), 'ALREADY_EXISTS');
  const secret = preimage(randomBytes(32).toString('hex'));
  assert.equal((await payee.invoices.create({ ...terms, preimage: secret })).paymentHash, hashOfPreimage(secret));
  await rejects(payee.invoices.create({ ...terms, preimage: secret }), 'ALREADY_EXISTS');
  const any = await payee.invoices.create({ ...terms, amountMsat: 'any' });
  assert.equal(any.amountMsat, undefined);
  const large = await payee.invoices.create({ ...terms, amountMsat: sat(100_000_000) });
  assert.equal(large.amountMsat, sat(100_000_000));
  await payee.invoices.cancel(plain.paymentHash);
  await payee.invoices.cancel(plain.paymentHash);
  assert.equal((await payee.invoices.lookup(plain.paymentHash))?.state, 'cancelled');
  await rejects(payee.invoices.cancel(hashOfPreimage(preimage('11'.repeat(32)))), 'NOT_FOUND');
  const seen: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await payee.invoices.list({ limit: 2, ...(after !== undefined && { after }) });
    seen.push(...page.items.map(({ paymentHash }) => paymentHash));
    if (page.next === undefined) break;
    after = page.next;
  }
  assert.equal(seen.indexOf(plain.paymentHash) < seen.indexOf(large.paymentHash), true);
  assert.equal(new Set(seen).size, seen.length);
  const cancelled = await payee.invoices.list({ state: 'cancelled' });
  assert.equal(
    cancelled.items.some(({ paymentHash }) => paymentHash === plain.paymentHash),
    true,
  );
  say(`invoices: ${seen.length} made, listed in pages, looked up, cancelled`);
}

async function invoice(payee: LightningBackend, amountMsat: bigint): Promise<Invoice> {
  return await payee.invoices.create({ amountMsat: msat(amountMsat), description: 'try', expirySeconds: 600 });
}

async function tryPayments(network: RegtestNetwork, payer: LightningBackend, payee: LightningBackend): Promise<void> {
  const middle = await network.node('middle').backend();
  const { nodeId: middleId } = await middle.node.info();
  await middle.channels.setPolicy('all', { baseFeeMsat: msat(2_000), feeRatePpm: 500, cltvDelta: 40 });
  const feeMsat = 2_000n + (1_000_000n * 500n) / 1_000_000n;
  const channel = (await middle.channels.list({ state: 'active' })).find(({ initiator }) => initiator);
  assert(channel !== undefined);
  assert.deepEqual(await middle.channels.policy(channel.outpoint), { baseFeeMsat: 2_000n, feeRatePpm: 500, cltvDelta: 40 });
  await waitUntil(
    'the payer knows the new fee',
    async () => {
      const probe = await invoice(payee, 1_000_000n);
      const outcome = await payer.payments.pay({ paymentRequest: probe.paymentRequest, maxFeeMsat: msat(feeMsat - 1n), timeoutMs: 5_000 });
      if (outcome.status !== 'failed') return false;
      assert.equal(outcome.reason, 'fee-cap', outcome.detail);
      return true;
    },
    DEADLINE_MS,
  );
  say(`a cap of ${feeMsat - 1n} msat is refused as fee-cap`);
  const bought = await invoice(payee, 1_000_000n);
  const [one, two] = await Promise.all([
    payer.payments.pay({ paymentRequest: bought.paymentRequest, maxFeeMsat: msat(feeMsat) }),
    payer.payments.pay({ paymentRequest: bought.paymentRequest, maxFeeMsat: msat(feeMsat) }),
  ]);
  assert.equal(one.status, 'settled', show(one));
  assert.deepEqual(one, two);
  assert(one.status === 'settled');
  assert.equal(one.feeMsat, feeMsat);
  assert.equal(one.amountMsat, 1_000_000n);
  assert.equal(hashOfPreimage(one.preimage), bought.paymentHash);
  assert.deepEqual(
    one.parts[0]?.hops.map(({ nodeId }) => nodeId === middleId),
    [true, false],
  );
  assert.deepEqual(await payer.payments.lookup(bought.paymentHash), one);
  const again = await open(network.node('payer').config);
  const outcome = await again.payments.pay({ paymentRequest: bought.paymentRequest, maxFeeMsat: msat(feeMsat) });
  assert.equal(outcome.status, 'settled', 'another process with no memory of it gets the outcome of the first payment');
  await again[Symbol.asyncDispose]();
  say('two at once and one after a crash: paid once');
  const any = await payee.invoices.create({ amountMsat: 'any', description: '', expirySeconds: 600 });
  await rejects(payer.payments.pay({ paymentRequest: any.paymentRequest, maxFeeMsat: msat(10_000) }), 'INVALID_ARGUMENT');
  const open1 = await payer.payments.pay({ paymentRequest: any.paymentRequest, amountMsat: msat(7_777), maxFeeMsat: msat(10_000) });
  assert.equal(open1.status, 'settled');
  assert.equal((await payee.invoices.lookup(any.paymentHash))?.receivedMsat, 7_777n);
  const keysend = await payer.payments.keysend({
    destination: (await payee.node.info()).nodeId,
    amountMsat: msat(5_000),
    maxFeeMsat: msat(10_000),
    key: 'k1',
  });
  assert.equal(keysend.status, 'settled', show(keysend));
  const own = await invoice(payer, 1_000n);
  const self = await payer.payments.pay({ paymentRequest: own.paymentRequest, maxFeeMsat: msat(0) });
  assert.equal(self.status === 'failed' && self.reason, 'self-payment', show(self));
  const huge = await invoice(payee, 9_000_000_000n);
  const poor = await payer.payments.pay({ paymentRequest: huge.paymentRequest, maxFeeMsat: msat(1_000_000_000), timeoutMs: 5_000 });
  assert.equal(poor.status === 'failed' && poor.reason, 'insufficient-balance', show(poor));
  const gone = await invoice(payee, 1_000n);
  await payee.invoices.cancel(gone.paymentHash);
  const refused = await payer.payments.pay({ paymentRequest: gone.paymentRequest, maxFeeMsat: msat(10_000), timeoutMs: 5_000 });
  assert.equal(refused.status === 'failed' && refused.reason, 'rejected', show(refused));
  const listed = await payer.payments.list();
  assert.equal(
    listed.items.some(({ outcome: { paymentHash } }) => paymentHash === bought.paymentHash),
    true,
  );
  await waitUntil(
    'the middle node lists the forward',
    async () => (await middle.channels.forwards()).items.some(({ feeMsat: fee }) => fee === feeMsat),
    DEADLINE_MS,
  );
  say(`payments: amountless, keysend, own, too large, cancelled; ${listed.items.length} listed, forwards listed`);
}

async function trySettlements(network: RegtestNetwork, payer: LightningBackend, payee: LightningBackend): Promise<void> {
  const head = await payee.invoices.settlementsHead();
  const stop = new AbortController();
  const states: string[] = [];
  const events = payee.invoices
    .settlements({ after: head, signal: stop.signal, onStatus: ({ state }) => states.push(state) })
    [Symbol.asyncIterator]();
  const pay = async (amount: bigint): Promise<string> => {
    const made = await invoice(payee, amount);
    await waitUntil(
      'paid',
      async () =>
        (await payer.payments.pay({ paymentRequest: made.paymentRequest, maxFeeMsat: msat(10_000), timeoutMs: 5_000 })).status ===
        'settled',
      DEADLINE_MS,
    );
    return made.paymentHash;
  };
  const first = await pay(1_000n);
  const [live] = await take(events, 1);
  assert(live?.kind === 'settled' && live.settlement.paymentHash === first);
  const node = network.node('payee');
  await node.stop();
  await rejects(payee.invoices.create({ amountMsat: msat(1), description: '', expirySeconds: 60 }), 'UNAVAILABLE');
  await node.start();
  say(`the payee's lnd was restarted (${states.join(' ')})`);
  await waitUntil('channels are active again', async () => (await payee.channels.list({ state: 'active' })).length >= 1, DEADLINE_MS);
  const [second, third] = [await pay(2_000n), await pay(3_000n)];
  const after = await take(events, 2);
  assert.deepEqual(
    after.map((event) => event.kind === 'settled' && event.settlement.paymentHash),
    [second, third],
  );
  stop.abort();
  assert.equal((await events.next()).done, true);
  const fromLive = await take(payee.invoices.settlements({ after: live.cursor })[Symbol.asyncIterator](), 2);
  assert.deepEqual(
    fromLive.map((event) => event.kind === 'settled' && event.settlement.paymentHash),
    [second, third],
  );
  const all: SettlementEvent[] = [];
  for await (const event of payee.invoices.settlements()) {
    if (event.kind === 'caught-up') break;
    all.push(event);
  }
  const hashes = all.map((event) => (event.kind === 'settled' ? event.settlement.paymentHash : ''));
  assert.equal(new Set(hashes).size, hashes.length);
  assert.deepEqual(hashes.slice(-3), [first, second, third]);
  await rejects(
    payee.invoices
      .settlements({ after: 'cln.5' as SettlementCursor })
      [Symbol.asyncIterator]()
      .next(),
    'INVALID_ARGUMENT',
  );
  await rejects(payer.invoices.settlements({ after: head })[Symbol.asyncIterator]().next(), 'INVALID_ARGUMENT');
  say(`settlements: ${all.length} from the start, in order, over a restart (${states.join(' ')})`);
}

async function tryHold(payer: LightningBackend, payee: LightningBackend): Promise<void> {
  for (const settle of [true, false]) {
    const secret = preimage(randomBytes(32).toString('hex'));
    const held = await payee.invoices.create({
      amountMsat: msat(50_000),
      description: 'hold',
      expirySeconds: 600,
      hold: { paymentHash: hashOfPreimage(secret) },
    });
    await rejects(payee.invoices.settleHeld(secret), 'CONFLICT');
    const pending = await payer.payments.pay({ paymentRequest: held.paymentRequest, maxFeeMsat: msat(10_000), timeoutMs: 1_000 });
    assert.equal(pending.status, 'pending');
    assert.equal((await payee.invoices.lookup(held.paymentHash))?.state, 'held');
    assert.equal((await payee.invoices.lookup(held.paymentHash))?.receivedMsat, 50_000n);
    if (settle) await payee.invoices.settleHeld(secret);
    else await payee.invoices.cancel(held.paymentHash);
    const final = await waitUntil(
      'the payment is final',
      async () => {
        const outcome = await payer.payments.lookup(held.paymentHash);
        return outcome?.status === 'pending' ? undefined : outcome;
      },
      DEADLINE_MS,
    );
    assert.equal(final?.status, settle ? 'settled' : 'failed');
    if (settle) await rejects(payee.invoices.cancel(held.paymentHash), 'CONFLICT');
  }
  say('hold invoices: held, settled, cancelled');
}

async function tryLeastPrivilege(network: RegtestNetwork, payer: LightningBackend): Promise<void> {
  const node = network.node('payee');
  const admin = await node.backend();
  const seller = await open(node.invoiceOnlyConfig);
  assert.deepEqual(await seller.node.identity(), await admin.node.identity());
  const message = await rejects(seller.node.info(), 'UNAUTHENTICATED');
  await rejects(seller.payments.list(), 'UNAUTHENTICATED');
  await rejects(seller.channels.list(), 'UNAUTHENTICATED');
  const events = seller.invoices.settlements({ after: await seller.invoices.settlementsHead() })[Symbol.asyncIterator]();
  const made = await invoice(seller, 4_000n);
  await payer.payments.pay({ paymentRequest: made.paymentRequest, maxFeeMsat: msat(10_000) });
  const [settled] = await take(events, 1);
  assert(settled?.kind === 'settled' && settled.settlement.paymentHash === made.paymentHash);
  await seller[Symbol.asyncDispose]();
  say(`the invoice macaroon alone: create, follow; else "${message}"`);
  const wrong = await open({ ...node.config, network: 'mainnet' });
  say(`wrong network: ${await rejects(wrong.node.info(), 'WRONG_NETWORK')}`);
  const other = await open({
    ...node.config,
    macaroon: `${network.node('payer').config['lndDir'] as string}/data/chain/bitcoin/regtest/admin.macaroon`,
  });
  say(`another node's macaroon: ${await rejects(other.node.info(), 'UNAUTHENTICATED')}`);
  const cert = await open({ ...node.config, cert: `${network.node('payer').config['lndDir']}/tls.cert` });
  say(`another node's certificate: ${await rejects(cert.node.info(), 'UNAUTHENTICATED')}`);
  const nobody = await open({ ...node.config, host: '127.0.0.1:1' });
  say(`nobody there: ${await rejects(nobody.node.info(), 'UNAVAILABLE')}`);
  const p2p = await open({ ...node.config, host: `127.0.0.1:${node.address.port}` });
  await assert.rejects(p2p.node.info(), (error) => isLightningError(error));
  for (const backend of [wrong, other, cert, nobody, p2p]) await backend[Symbol.asyncDispose]();
}

/** A macaroon and a certificate that change on the disk while the backend is open. */
async function tryRotation(network: RegtestNetwork): Promise<void> {
  const [payer, payee] = [network.node('payer'), network.node('payee')];
  const [own, other] = [payee, payer].map(({ config }) => config['lndDir'] as string);
  const copies = mkdtempSync(join(tmpdir(), 'ltp-rotation-'));
  const [macaroon, cert] = [join(copies, 'copy.macaroon'), join(copies, 'copy.cert')];
  const admin = 'data/chain/bitcoin/regtest/admin.macaroon';
  copyFileSync(join(`${other}`, admin), macaroon);
  copyFileSync(join(`${other}`, 'tls.cert'), cert);
  const backend = await open({ ...payee.config, macaroon, cert });
  await rejects(backend.node.info(), 'UNAUTHENTICATED');
  copyFileSync(join(`${own}`, 'tls.cert'), cert);
  await rejects(backend.node.info(), 'UNAUTHENTICATED');
  copyFileSync(join(`${own}`, admin), macaroon);
  await backend.node.info();
  const events = backend.invoices.settlements({ after: await backend.invoices.settlementsHead() })[Symbol.asyncIterator]();
  assert.equal((await events.next()).value?.kind, 'caught-up');
  const next = events.next();
  await payee.stop();
  for (const name of ['tls.cert', 'tls.key']) rmSync(join(`${own}`, name));
  await payee.start();
  await rejects(backend.node.info(), 'UNAUTHENTICATED');
  copyFileSync(join(`${own}`, 'tls.cert'), cert);
  await backend.node.info();
  assert.equal((await next).value?.kind, 'caught-up', 'the settlement stream finds its way back, too');
  await backend[Symbol.asyncDispose]();
  rmSync(copies, { recursive: true });
  say('macaroon and certificate were changed without a restart of ours');
}

async function tryPeers(network: RegtestNetwork, payer: LightningBackend): Promise<void> {
  const { nodeId } = await (await network.node('payee').backend()).node.info();
  await rejects(payer.channels.open({ peer: nodeId, localFundingMsat: sat(100_000) }), 'NOT_FOUND');
  await rejects(payer.peers.connect({ nodeId, host: '127.0.0.1', port: 1 }), 'UNAVAILABLE');
  await payer.peers.connect({ nodeId, ...network.node('payee').address });
  await payer.peers.connect({ nodeId, ...network.node('payee').address, persistent: true });
  assert((await payer.peers.list()).some((peer) => peer.nodeId === nodeId && peer.connected));
  await payer.peers.disconnect(nodeId);
  await payer.peers.disconnect(nodeId);
  await payer.peers.connect({ nodeId, ...network.node('payee').address, persistent: true });
  say('peers: unreachable, connected, again, disconnected, again');
}

async function tryChannels(network: RegtestNetwork, payer: LightningBackend): Promise<void> {
  const payee = await network.node('payee').backend();
  const { nodeId } = await payee.node.info();
  await rejects(payer.channels.open({ peer: nodeId, localFundingMsat: msat(1_500) }), 'INVALID_ARGUMENT');
  await rejects(payer.channels.open({ peer: nodeId, localFundingMsat: sat(1_000) }), 'INVALID_ARGUMENT');
  await rejects(payer.channels.open({ peer: nodeId, localFundingMsat: sat(900_000_000) }), 'INSUFFICIENT_FUNDS');
  const [channel] = (await payer.channels.list({ state: 'active' })).slice(-1);
  assert(channel !== undefined);
  const before = await payer.wallet.balance();
  const stages: string[] = [];
  for await (const { stage, txId } of payer.channels.close(channel.outpoint)) {
    stages.push(stage);
    if (stage !== 'closing') continue;
    assert.deepEqual((await network.bitcoin.getTransaction(txId))?.confirmations, 0);
    assert.equal((await payer.channels.list({ state: 'closing' }))[0]?.outpoint, channel.outpoint);
    await network.mine(6);
  }
  assert.deepEqual(stages, ['closing', 'closed']);
  const closed = await payer.channels.list({ state: 'closed' });
  assert(closed.some(({ outpoint }) => outpoint === channel.outpoint));
  await rejects(payer.channels.close(channel.outpoint)[Symbol.asyncIterator]().next() as Promise<unknown>, 'CONFLICT');
  const balance = await waitUntil(
    'the balance is back',
    async () => {
      const now = await payer.wallet.balance();
      return now.confirmedMsat > before.confirmedMsat ? now : undefined;
    },
    DEADLINE_MS,
  );
  const { txId } = await payer.wallet.send({ address: await network.bitcoin.newAddress(), amountMsat: sat(50_000), feeRateSatPerVbyte: 3 });
  await network.mine(1);
  assert.equal((await network.bitcoin.getTransaction(txId))?.confirmations, 1);
  const { items } = await payer.wallet.transactions();
  assert(
    items.some((transaction) => transaction.txId === txId && transaction.deltaMsat !== undefined && transaction.deltaMsat < -50_000_000n),
  );
  await rejects(payer.wallet.send({ address: 'nowhere', amountMsat: sat(1_000) }), 'INVALID_ARGUMENT');
  await rejects(payer.wallet.send({ address: await network.bitcoin.newAddress(), amountMsat: sat(900_000_000_000) }), 'INSUFFICIENT_FUNDS');
  say(`closed with its stages; wallet has ${balance.confirmedMsat / 1000n} sat; ${items.length} transactions`);
}

async function tryRebalanceAndForce(network: RegtestNetwork, payer: LightningBackend): Promise<void> {
  const back = await network.openChannel({ from: 'payee', to: 'payer', capacitySat: 2_000_000, pushSat: 200_000 });
  const channels = await payer.channels.list({ state: 'active' });
  const [from, to] = [channels.find(({ outpoint }) => outpoint !== back), channels.find(({ outpoint }) => outpoint === back)];
  assert(from?.shortChannelId !== undefined && to?.shortChannelId !== undefined);
  const moved = await payer.channels.rebalance({
    from: from.shortChannelId,
    to: to.shortChannelId,
    amountMsat: sat(10_000),
    maxFeeMsat: sat(100),
  });
  assert.equal(moved.status, 'settled', show(moved));
  say(`rebalanced: ${show(await payer.channels.balances())}`);
  const stages: string[] = [];
  for await (const { stage } of payer.channels.close(back, { force: true })) {
    stages.push(stage);
    if (stage === 'closing') await network.mine(1);
  }
  assert.deepEqual(stages, ['closing', 'closed']);
  assert.equal(
    (await payer.channels.list({ state: 'closed' })).some(({ outpoint }) => outpoint === back),
    true,
  );
  say('closed by force');
}

async function main(): Promise<void> {
  await using network = await startNativeNetwork({ payer: 'lnd' }, say);
  await network.fund('payer', 20_000_000);
  await network.fund('middle', 20_000_000);
  await network.fund('payee', 20_000_000);
  say('funded');
  await network.openChannel({ from: 'payer', to: 'middle', capacitySat: 5_000_000, pushSat: 1_000_000 });
  say('first channel is open');
  await network.openChannel({ from: 'middle', to: 'payee', capacitySat: 5_000_000, pushSat: 1_000_000 });
  say('channels are open');
  const [payer, payee] = [await open(network.node('payer').config), await open(network.node('payee').config)];
  const info = await payee.node.info();
  say(`${info.alias} ${info.version} ${info.network} at ${info.blockHeight}, synced ${info.synced}`);
  await tryInvoices(payee);
  await tryPayments(network, payer, payee);
  await trySettlements(network, payer, payee);
  await tryHold(payer, payee);
  await tryLeastPrivilege(network, payer);
  await tryRotation(network);
  await tryPeers(network, payer);
  await tryRebalanceAndForce(network, payer);
  await tryChannels(network, payer);
  await Promise.all([payer, payee].map((backend) => backend[Symbol.asyncDispose]()));
  say('all of it passed');
}

await main();
