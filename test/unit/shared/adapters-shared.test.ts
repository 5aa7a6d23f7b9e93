import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pause, within } from '../../../src/adapters/shared/abort.ts';
import { Backoff } from '../../../src/adapters/shared/backoff.ts';
import { isBitcoinAddress } from '../../../src/adapters/shared/bitcoin-address.ts';
import { readBolt11 } from '../../../src/adapters/shared/bolt11.ts';
import { followThroughOutages } from '../../../src/adapters/shared/follow.ts';
import { KeyedLock } from '../../../src/adapters/shared/keyed-lock.ts';
import { networkNamed, networkOfPrefix, prefixOfRequest } from '../../../src/adapters/shared/network.ts';
import { plainCause, plainText } from '../../../src/adapters/shared/redact.ts';
import { RecentMap, RecentSet } from '../../../src/adapters/shared/remembered.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { clnRecordings, eclairRecordings } from '../../fixtures/wire/recordings.ts';
import { codePoint } from '../../support/code-point.ts';
import { dependencies, hurriedClock, realClock } from './adapter-dependencies.ts';

const { random } = dependencies();

interface Made {
  readonly serialized: string;
  readonly paymentHash: string;
  readonly amount?: number;
  readonly timestamp: number;
  readonly expiry: number;
  readonly minFinalCltvExpiry: number;
  readonly description?: string;
  readonly descriptionHash?: string;
}

test('a BOLT 11 text reads as the nodes themselves read it', () => {
  const made = eclairRecordings().flatMap(({ body }) =>
    typeof body === 'object' && body !== null && 'serialized' in body ? [body as Made] : [],
  );
  expect(made.length).toBeGreaterThan(4);
  for (const invoice of made) {
    expect(readBolt11(invoice.serialized)).toEqual({
      paymentHash: invoice.paymentHash,
      amountMsat: invoice.amount === undefined ? undefined : BigInt(invoice.amount),
      description: invoice.description,
      descriptionHash: invoice.descriptionHash,
      createdAt: invoice.timestamp * 1000,
      expirySeconds: invoice.expiry,
      finalCltvDelta: invoice.minFinalCltvExpiry,
    });
  }
});

test('the expiry that a BOLT 11 text says is the one that lightningd lists', () => {
  for (const { method, result } of clnRecordings()) {
    if (method !== 'invoice' || result === undefined) continue;
    const { bolt11, expires_at, payment_hash } = result as { bolt11: string; expires_at: number; payment_hash: string };
    const fields = readBolt11(bolt11);
    expect(fields.paymentHash).toBe(payment_hash);
    expect(fields.createdAt / 1000 + fields.expirySeconds).toBe(expires_at);
  }
});

test('what is no BOLT 11 text is an error', () => {
  for (const text of ['', 'hello', 'lnbcrt1', 'lnbc1garbage']) expect(() => readBolt11(text)).toThrow();
});

test.each([
  ['bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', 'mainnet', true],
  ['bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', 'regtest', false],
  ['bcrt1p9dc3vm96lh627uchqsy55sycj2asa4lr3m5fjvw89ra89wmaysus6guvhl', 'regtest', true],
  ['BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ', 'mainnet', true],
  ['bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdr', 'mainnet', false],
  ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', 'mainnet', true],
  ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb', 'mainnet', false],
  ['mkMYDnCEFC6Mbrp1fEwmwt5mZQdBBntxfK', 'regtest', true],
  ['mkMYDnCEFC6Mbrp1fEwmwt5mZQdBBntxfK', 'mainnet', false],
  ['', 'regtest', false],
  ['nope', 'regtest', false],
] as const)('%s is an address on %s: %s', (address, network, is) => {
  expect(isBitcoinAddress(address, network)).toBe(is);
});

test('networks by the names that nodes have for them', () => {
  expect(networkNamed('bitcoin', 'test')).toBe('mainnet');
  expect(networkNamed('regtest', 'test')).toBe('regtest');
  expect(() => networkNamed('litecoin', 'test')).toThrow(LightningError);
  expect(() => networkNamed('constructor', 'test')).toThrow(LightningError);
  expect([
    networkOfPrefix('lnbcrt', 'regtest'),
    networkOfPrefix('tb', 'testnet4'),
    networkOfPrefix('tb', 'regtest'),
    networkOfPrefix('lnxx', 'regtest'),
  ]).toEqual(['regtest', 'testnet4', 'testnet', undefined]);
  expect(['lnbcrt1pabc', 'lnbc20m1p', 'LNTBS1P', 'lnbx1'].map(prefixOfRequest)).toEqual(['bcrt', 'bc', 'tbs', undefined]);
});

test('a text is one line, of a length, and without the secrets', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 1000, unit: codePoint }), (text) => {
      const plain = plainText(text);
      expect(plain.length).toBeLessThanOrEqual(301);
      expect(plain).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    }),
  );
  expect(plainText('the password is hunter2!', ['hunter2', undefined, ''])).toBe('the password is ***!');
  const cause = plainCause(Object.assign(new Error('no hunter2'), { code: 'EX', config: { headers: 'hunter2' } }), ['hunter2']);
  expect(cause).toMatchObject({ message: 'no ***', code: 'EX' });
  expect(cause).not.toHaveProperty('config');
});

test('pauses grow to 10 s and begin anew after success', () => {
  const backoff = new Backoff({ bytes: (length) => new Uint8Array(length).fill(255) });
  const pauses = Array.from({ length: 8 }, () => backoff.next());
  expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  backoff.reset();
  expect(backoff.next()).toBe(250);
});

test('waiting ends by signal and by clock, and cleans up after itself', async () => {
  const never = new Promise<never>(() => {});
  await expect(within(never, { operation: 'x', timeoutMs: 10, clock: realClock })).rejects.toMatchObject({
    code: 'TIMEOUT',
    operation: 'x',
  });
  const controller = new AbortController();
  const waiting = within(never, { operation: 'x', signal: controller.signal, clock: realClock });
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
  await expect(pause(realClock, 10_000, AbortSignal.abort(), 'x')).rejects.toMatchObject({ code: 'ABORTED' });
  expect(
    await within(Promise.resolve(1), { operation: 'x', signal: new AbortController().signal, timeoutMs: 1000, clock: realClock }),
  ).toBe(1);
});

test('a stream goes on through outages, and ends with what waiting can not cure', async () => {
  let session = 0;
  const states: string[] = [];
  const stream = followThroughOutages<number>({
    clock: hurriedClock(100),
    random,
    signal: undefined,
    onStatus: (status) => void states.push(status.state),
    session: async function* run(_signal, live) {
      session++;
      live();
      yield session;
      throw session < 3 ? new Error('lost') : new LightningError('WRONG_NETWORK', 'another', { operation: 'x' });
    },
  });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const one of stream) seen.push(one);
  })();
  await expect(reading).rejects.toMatchObject({ code: 'WRONG_NETWORK' });
  expect(seen).toEqual([1, 2, 3]);
  expect(states).toEqual(['connecting', 'live', 'lost', 'connecting', 'live', 'lost', 'connecting', 'live']);
});

test('a stream that waits out an outage ends at once when it is broken off', async () => {
  const stream = followThroughOutages<number>({
    clock: realClock,
    random,
    signal: undefined,
    onStatus: undefined,
    // biome-ignore lint/correctness/useYield: it fails before it could.
    session: async function* run() {
      throw new Error('away');
    },
  });
  const events = stream[Symbol.asyncIterator]();
  const next = events.next();
  await events.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
});

test('what has the same key runs one after the other, what has another at once', async () => {
  const lock = new KeyedLock();
  const order: string[] = [];
  const task = (name: string) => async () => {
    order.push(`${name} begins`);
    await Promise.resolve();
    order.push(`${name} ends`);
  };
  await Promise.all([lock.run('a', task('a1')), lock.run('a', task('a2')), lock.run('b', task('b'))]);
  expect(order.indexOf('a1 ends')).toBeLessThan(order.indexOf('a2 begins'));
  expect(order.indexOf('b begins')).toBeLessThan(order.indexOf('a1 ends'));
  await expect(lock.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await lock.run('a', async () => 1)).toBe(1);
});

test('what is remembered is bounded, the oldest goes first', () => {
  const set = new RecentSet<number>(2);
  const map = new RecentMap<number, string>(2);
  for (const item of [1, 2, 1, 3]) {
    set.add(item);
    map.set(item, String(item));
  }
  expect([1, 2, 3].map((item) => set.has(item))).toEqual([true, false, true]);
  expect([1, 2, 3].map((item) => map.get(item))).toEqual(['1', undefined, '3']);
});
