import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { memoryDependencies } from '../../regtest/dependencies.ts';
import { freePort } from '../../regtest/native/free-ports.ts';
import { waitUntil } from '../../regtest/wait-until.ts';
import { simulated } from '../../src/adapters/simulated/definition.ts';
import { sat } from '../../src/core/lightning/amount.ts';
import { silentLogger } from '../../src/core/ports/logger.ts';
import { deviceCredentials } from '../../src/credentials/device-token.ts';
import { openSqliteLedger } from '../../src/storage/ledger/sqlite-ledger.ts';
import { verifyLedger } from '../../src/storage/ledger/verify/verify-ledger.ts';
import { simulatedChaos } from '../chaos/networks/simulated.ts';
import { COMMAND, Program } from '../chaos/program.ts';
import { PlanRandom } from '../chaos/random.ts';
import { CONNECT, type DeviceLink, type DeviceLogin, type Doors, type Told } from './device-client.ts';

/** How long, how many, and how often. */
export interface DeviceSoakOptions {
  readonly minutes: number;
  readonly devices: number;
  /** A device goes away every so many seconds, on average. */
  readonly away: number;
  /** A device has a customer every so many seconds, on average. */
  readonly customer: number;
  readonly seed: string;
  readonly dir: string;
  readonly say: (line: string) => void;
}

/** What came of it. `settled`: payments in the ledger · `told`: of them, those that their own device was told. */
export interface DeviceSoakResult {
  readonly devices: number;
  readonly settled: number;
  readonly told: number;
  readonly toldToOthers: number;
  readonly lost: number;
}

const READY_MS = 120_000;
const DRAIN_MS = 120_000;
const TICK_MS = 250;
const PAYERS = 8;

/** What all devices have seen together. */
interface Seen {
  readonly owners: Map<string, string>;
  readonly paid: Set<string>;
  readonly told: Set<string>;
  readonly toldQuotes: Set<string>;
  readonly toPay: { readonly quote: string; readonly invoice: string }[];
  toldToOthers: number;
  reconnects: number;
  repeated: number;
}

/** A machine that goes away and comes back, through any of the doors. */
class SoakDevice {
  readonly #login: DeviceLogin;
  readonly #doors: Doors;
  readonly #seen: Seen;
  readonly #random: PlanRandom;
  #link: DeviceLink | undefined;
  /** The sale that waits for its invoice: asked again until it has one. */
  #key: string | undefined;
  #sales = 0;

  constructor(login: DeviceLogin, doors: Doors, seen: Seen, random: PlanRandom) {
    this.#login = login;
    this.#doors = doors;
    this.#seen = seen;
    this.#random = random;
  }

  come(): void {
    if (this.#link !== undefined) return;
    const connect = CONNECT[this.#random.between(0, CONNECT.length - 1)] ?? CONNECT[0];
    const link: DeviceLink | undefined = connect?.(
      this.#doors,
      this.#login,
      (told) => this.#take(told, link),
      () => {
        if (this.#link === link) this.#link = undefined;
      },
    );
    this.#link = link;
  }

  leave(): void {
    this.#seen.reconnects += 1;
    this.#link?.cut();
    this.#link = undefined;
  }

  /** Somebody stands before it. */
  serve(): void {
    if (this.#key !== undefined) return;
    this.#sales += 1;
    this.#key = `sale-${this.#sales}`;
    this.#ask();
  }

  #ask(): void {
    if (this.#key !== undefined) this.#link?.send('invoice', { item: 'water', amountMsat: '5000', key: this.#key });
  }

  #take(told: Told, link: DeviceLink | undefined): void {
    if (told.op === 'welcome') this.#ask();
    if (told.op === 'invoiced' && typeof told['quote'] === 'string' && told['key'] === this.#key) {
      this.#key = undefined;
      const quote = told['quote'];
      if (this.#seen.owners.has(quote)) return;
      this.#seen.owners.set(quote, this.#login.device);
      this.#seen.toPay.push({ quote, invoice: String(told['invoice']) });
    }
    if (told.op === 'settled') this.#settled(String(told['settlement']), String(told['quote']), link);
  }

  #settled(settlement: string, quote: string, link: DeviceLink | undefined): void {
    if (this.#seen.owners.get(quote) !== this.#login.device) this.#seen.toldToOthers += 1;
    if (this.#seen.told.has(settlement)) this.#seen.repeated += 1;
    this.#seen.told.add(settlement);
    this.#seen.toldQuotes.add(quote);
    // Now and then it dies before it has said so.
    if (this.#random.chance(0.1)) this.leave();
    else link?.send('ack', { settlements: [settlement] });
  }
}

/** A server with many devices that go away and come back at random: each is told its own payments, all of them, and no other's. */
export async function soakDevices(options: DeviceSoakOptions): Promise<DeviceSoakResult & { readonly clean: boolean }> {
  const { minutes, devices: count, away, customer, seed, dir, say } = options;
  const random = new PlanRandom(seed);
  const network = await simulatedChaos({ dir, progress: say });
  const [websocket, http, mqtt] = [await freePort(), await freePort(), await freePort()];
  const ledgerFile = join(dir, 'ledger.db');
  const logins = await makeDevices(ledgerFile, count, random);
  const config = join(dir, 'server.yaml');
  writeFileSync(
    config,
    stringify({
      backend: network.seller,
      devices: { items: { water: { msat: '1000..50000' } }, openInvoices: 100_000, retell: '5s' },
      transports: {
        websocket: { port: websocket },
        http: { port: http, requestBurstPerAddress: 1_000_000, requestsPerSecondPerAddress: 1_000_000 },
        mqtt: { port: mqtt },
      },
      ledger: { kind: 'sqlite', path: ledgerFile },
      journal: { dir: join(dir, 'journal') },
      log: { level: 'warn' },
    }),
  );
  let up = false;
  let ended = false;
  const server = new Program({
    name: 'server',
    args: [COMMAND, 'start', '--config', config, '--json'],
    watch: 'stdout',
    onLine: (line) => {
      up ||= line.includes('"listening"');
    },
    log: join(dir, 'server.out'),
    other: () => join(dir, 'server.err'),
    onExit: () => {
      ended = true;
    },
  });
  server.start();
  await waitUntil('the server listens', async () => up, READY_MS);

  const doors: Doors = { websocket: `ws://127.0.0.1:${websocket}`, http: `http://127.0.0.1:${http}`, mqtt: `mqtt://127.0.0.1:${mqtt}` };
  const seen: Seen = {
    owners: new Map(),
    paid: new Set(),
    told: new Set(),
    toldQuotes: new Set(),
    toPay: [],
    toldToOthers: 0,
    reconnects: 0,
    repeated: 0,
  };
  const wallet = await simulated.create(simulated.configSchema.parse(network.buyers[0]), memoryDependencies());
  const paying = new AbortController();
  const payers = Array.from({ length: PAYERS }, () => pay(seen, wallet, paying.signal));
  const machines = logins.map((login) => new SoakDevice(login, doors, seen, random));

  const lastsMs = minutes * 60_000;
  const started = performance.now();
  let reported = 0;
  for (let now = 0; now < lastsMs && !ended; now = performance.now() - started) {
    // They come over the first fifth of the time.
    const here = Math.min(machines.length, Math.ceil((machines.length * now * 5) / lastsMs) + 1);
    for (const machine of machines.slice(0, here)) {
      if (random.chance(TICK_MS / (away * 1_000))) machine.leave();
      else machine.come();
      if (random.chance(TICK_MS / (customer * 1_000))) machine.serve();
    }
    if (now - reported >= 30_000) {
      reported = now;
      say(`${Math.round(now / 1_000)} s: ${here} devices, ${seen.paid.size} paid, ${seen.told.size} told, ${seen.reconnects} times away`);
    }
    await sleep(TICK_MS);
  }
  say('the customers have gone; waiting until every payment is told');
  const drainUntil = performance.now() + DRAIN_MS;
  const isDrained = () => seen.toPay.length === 0 && [...seen.paid].every((quote) => seen.toldQuotes.has(quote));
  while (!ended && performance.now() < drainUntil) {
    for (const machine of machines) machine.come();
    await sleep(TICK_MS);
    if (!isDrained()) continue;
    paying.abort();
    await Promise.all(payers);
    if (isDrained()) break;
  }
  paying.abort();
  await Promise.all(payers);
  for (const machine of machines) machine.leave();
  await wallet[Symbol.asyncDispose]();
  await server.end('SIGTERM');
  await network[Symbol.asyncDispose]();
  if (ended && !up) say(readFileSync(join(dir, 'server.err'), 'utf8').slice(-1_000));
  const { settled, violations } = await booksOf(ledgerFile);
  const lost = Math.max(settled - seen.told.size, [...seen.paid].filter((quote) => !seen.toldQuotes.has(quote)).length);
  say(`${seen.reconnects} times away, ${seen.repeated} payments told again, ${violations} violations in the ledger`);
  const result = { devices: count, settled, told: seen.told.size, toldToOthers: seen.toldToOthers, lost };
  return { ...result, clean: lost === 0 && seen.toldToOthers === 0 && settled === seen.told.size && settled > 0 && violations === 0 };
}

async function makeDevices(ledgerFile: string, count: number, random: PlanRandom): Promise<readonly DeviceLogin[]> {
  const hex = (length: number) => Array.from({ length }, () => random.between(0, 15).toString(16)).join('');
  await using store = await openSqliteLedger({ path: ledgerFile, logger: silentLogger });
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const [id, rootKey] = [hex(32), hex(64)];
      await store.ledger.addDevice({ id, name: `device ${index}`, rootKey, createdAt: Date.now() });
      return { device: id, token: deviceCredentials.mint(id, rootKey, ['items=water', 'max_msat=20000']) };
    }),
  );
}

/** A customer's wallet: pays what stands on the devices' displays. */
async function pay(seen: Seen, wallet: Awaited<ReturnType<typeof simulated.create>>, signal: AbortSignal): Promise<void> {
  for (;;) {
    const next = seen.toPay.shift();
    if (next === undefined) {
      if (signal.aborted) return;
      await sleep(20);
      continue;
    }
    const outcome = await wallet.payments.pay({ paymentRequest: next.invoice, maxFeeMsat: sat(100) }).catch(() => undefined);
    if (outcome?.status === 'settled') seen.paid.add(next.quote);
  }
}

async function booksOf(ledgerFile: string): Promise<{ readonly settled: number; readonly violations: number }> {
  const { violations } = verifyLedger(ledgerFile);
  await using store = await openSqliteLedger({ path: ledgerFile, logger: silentLogger });
  const devices = await store.ledger.devices();
  return { settled: devices.reduce((sum, { counters }) => sum + counters.settled, 0), violations: violations.length };
}
