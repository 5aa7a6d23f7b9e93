import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Processes, type Running } from './support/processes.ts';

const EXAMPLES = 'examples/devices';
const TIMEOUT_MS = 600_000;

let folder: string;
let processes: Processes;
let urls: { readonly http: string; readonly mqtt: string };

/** As the examples' README says, but for the ports. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-device-examples-'));
  for (const file of ['simnet.yaml', 'server.yaml', 'customer.yaml'])
    await cp(join(import.meta.dirname, '../../..', EXAMPLES, file), join(folder, file));
  processes = new Processes(folder);
  await processes.tickerplant('simnet', '--config', 'simnet.yaml', '--json').until(/"socket"/);
  const ports = ['websocket', 'http', 'mqtt'].flatMap((name) => ['--set', `transports.${name}.port=0`]);
  const listening = await processes.tickerplant('start', '--config', 'server.yaml', ...ports, '--json').until(/"listening":(\{.*\})\}/);
  urls = JSON.parse(listening[1] as string);
}, TIMEOUT_MS);
afterAll(async () => {
  await processes?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Added {
  readonly device: string;
  readonly token: string;
}

async function add(name: string, ...options: string[]): Promise<Added> {
  const { stdout, stderr } = await processes.tickerplant('device', 'add', name, ...options, '--config', 'server.yaml', '--json').ended;
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Added;
}

async function pay(invoice: string | undefined): Promise<void> {
  const { stdout, stderr } = await processes.tickerplant(
    ...['pay', String(invoice), '--wallet', 'customer.yaml', '--max-fee', '10', '--state', 'wallet', '--json'],
  ).ended;
  expect(JSON.parse(stdout || '{}'), stderr).toMatchObject({ status: 'settled' });
}

async function counters({ token }: Added): Promise<unknown> {
  const response = await fetch(`${urls.http}/v1/device`, { headers: { Authorization: `Bearer ${token}` } });
  return ((await response.json()) as { counters: unknown }).counters;
}

const acknowledged = (added: Added, count: number) =>
  expect.poll(() => counters(added), { timeout: 60_000, interval: 200 }).toMatchObject({ settled: count, acknowledged: count });

test(
  'the tap lets water run for what was paid, once, though its plug was pulled before the payment came',
  async () => {
    const added = await add('tap', '--items', 'water');
    const tap = (): Running =>
      processes.program(`${EXAMPLES}/device.ts`, [urls.mqtt, added.device, 'water'], { DEVICE_TOKEN: added.token });
    const first = tap();
    first.type('9000');
    const [, shown] = await first.until(/^pay (lnbc\w+)$/m);
    await first.kill();
    await pay(shown);
    const second = tap();
    await second.until(/^water for 9000 msat is running$/m);
    await acknowledged(added, 1);
    second.type('7000');
    const [, next] = await second.until(/^pay (lnbc\w+)$/m);
    await pay(next);
    await second.until(/^water for 7000 msat is running$/m);
    await acknowledged(added, 2);
    second.type('50');
    await expect.poll(() => second.stderr, { timeout: 30_000 }).toContain('BAD_REQUEST');
    expect(second.stdout.match(/is running/g)).toHaveLength(2);
    await second.kill();
  },
  TIMEOUT_MS,
);

test(
  'the weather station delivers the readings that were paid, also those that were paid while it was off',
  async () => {
    const added = await add('station', '--items', 'reading', '--max', '5000', '--quotes-per-hour', '600');
    const station = (): Running => processes.program(`${EXAMPLES}/weather-station.ts`, [urls.http], { DEVICE_TOKEN: added.token });
    const first = station();
    first.type('2010-01-01T05 3');
    const [, shown] = await first.until(/^pay (lnbc\w+)$/m);
    first.type('2010-01-01T05 6');
    await expect.poll(() => first.stderr, { timeout: 30_000 }).toContain('FORBIDDEN');
    await first.kill();
    await pay(shown);
    const second = station();
    second.type('2010-01-02T23 1');
    const [readings] = await second.until(/^date,pressure.*\n(?:2010.*\n){3}/m);
    expect(readings.split('\n').map((line) => line.split(',')[0])).toEqual([
      'date',
      '2010-01-01T05:00:00',
      '2010-01-01T06:00:00',
      '2010-01-01T07:00:00',
      '',
    ]);
    await acknowledged(added, 1);
    const [, next] = await second.until(/^pay (lnbc\w+)$/m);
    await pay(next);
    await second.until(/^2010-01-02T23:00:00,/m);
    await acknowledged(added, 2);
    expect(second.stdout.match(/^date,/gm), 'what was delivered is not delivered again').toHaveLength(2);
    expect(second.stderr, 'what was refused for good is forgotten').toBe('');
    await second.kill();
  },
  TIMEOUT_MS,
);
