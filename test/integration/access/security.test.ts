import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { addToken, removeToken } from '../../../src/app/access/manage-tokens.ts';
import { controlPath } from '../../../src/app/maintenance/control-path.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { chars, list, long, symbol } from '../../../src/kdb/build.ts';
import { listenerSchema } from '../../../src/listener/config.ts';
import { startListener } from '../../../src/listener/listener.ts';
import { openOutbox } from '../../../src/listener/outbox/outbox.ts';
import type { OperatorRole } from '../../../src/transport/shared/access/operators.ts';
import { REQUEST_OPS } from '../../../src/transport/websocket/requests.ts';
import { ask, connectMqtt, overMqtt } from '../devices/support/doors.ts';
import { KdbClient } from '../kdb/support/client.ts';
import { openShop, type Shop } from '../store/support/shop.ts';
import { Client } from '../websocket/support/client.ts';
import { addedDevice, bought, CREDENTIALS, type Operators, quoted, type Shown } from './support/credentials.ts';
import { tableOf } from './support/document.ts';
import { Plant } from './support/plant.ts';

const ATOMS = list(symbol('AAPL'), { kind: 'atom', type: 'float', value: 1 }, long(100n));
const ROW = ['2026-11-20T14:30:00.000Z', 'AAPL', 1, 100];

let plant: Plant;
let shop: Shop;
let listener: Awaited<ReturnType<typeof openListener>>;
const operators: Record<string, string> = {};

beforeAll(async () => {
  plant = await Plant.start(async (folder) => {
    const file = join(folder, 'access.json');
    const add = async (name: string, role: OperatorRole, more: { tables?: string[]; from?: string[]; expires?: string } = {}) => {
      const { token } = await addToken(file, { name, role, tables: more.tables, from: more.from, expires: more.expires });
      operators[name] = token;
    };
    await add('publisher', 'publisher', { tables: ['trade'] });
    await add('other-table', 'publisher', { tables: ['halt'] });
    await add('elsewhere', 'publisher', { from: ['192.0.2.0/24'] });
    await add('run-out', 'publisher', { expires: '2026-01-01' });
    await add('revoked', 'publisher');
    await add('admin', 'admin');
    await add('metrics', 'metrics');
    operators['listener'] = 'the-token-of-a-server-that-follows';
    operators['listener-status'] = 'the-token-of-who-watches-it';
    operators['http.metrics'] = 'the-token-of-http.metrics';
    const publishers = [
      { user: 'feed', password: 'correct horse' },
      { user: 'halts', password: 'correct horse', tables: ['halt'] },
    ];
    return {
      access: { tokensFile: 'access.json' },
      limits: { quoteBurstPerAddress: 10_000 },
      transports: {
        websocket: {},
        http: { requestBurstPerAddress: 10_000, metrics: { token: operators['http.metrics'] } },
        kdb: { publishers },
        mqtt: {},
      },
    };
  });
  plant.publish(1);
  await removeToken(join(plant.folder, 'access.json'), 'revoked');
  const end = performance.now() + 100_000;
  while (
    (await http({ authorization: `Bearer ${operators['revoked']}` }, 'POST', '/v1/publish', { table: 'trade', rows: [ROW] })).status !== 401
  ) {
    if (performance.now() > end) throw new Error('a token that was revoked is still taken');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  listener = await openListener();
  shop = await openShop({ deliveries: 20, limits: { quoteBurstPerAddress: 10_000 } });
  await shop.put('cat.txt', 'a cat');
}, 300_000);
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await listener?.[Symbol.asyncDispose]();
  await plant?.[Symbol.asyncDispose]();
});

/** A listener beside the server, on the same node. */
async function openListener(): Promise<{ readonly url: string } & AsyncDisposable> {
  const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const config = listenerSchema.parse({
    outbox: { path: join(plant.folder, 'outbox.db') },
    listen: { port: 0, statusToken: operators['listener-status'] },
    servers: [{ name: 'shop', token: operators['listener'] }],
  });
  const outbox = openOutbox({ path: config.outbox.path, ...parts });
  const running = await startListener({ config, backend: plant.seller, outbox, ...parts });
  const end = performance.now() + 100_000;
  while ((await fetch(`${running.url.replace('ws', 'http')}/healthz`)).status !== 200) {
    if (performance.now() > end) throw new Error('the listener does not reach its node');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url: running.url,
    async [Symbol.asyncDispose]() {
      await running.stop();
      outbox[Symbol.dispose]();
    },
  };
}

async function http({ authorization, ticket }: Shown, method: string, path: string, body?: unknown): Promise<Response> {
  const abort = new AbortController();
  const query = ticket === undefined ? '' : `${path.includes('?') ? '&' : '?'}ticket=${await ticket()}`;
  const response = await fetch(`${plant.http}${path}${query}`, {
    method,
    signal: abort.signal,
    headers: {
      ...(authorization !== undefined && { Authorization: authorization }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answered = new Response(response.headers.get('content-type')?.includes('json;') === true ? await response.text() : null, {
    status: response.status,
  });
  // A stream goes on for ever.
  abort.abort();
  return answered;
}

/** Operation → whether it is done for a credential. */
type Attempts = Readonly<Record<string, (shown: Shown) => Promise<boolean>>>;

/** A refusal for want of a credential; any other would be a mistake of the test's. */
const REFUSED = [401, 402, 403];

const asked = (method: string, path: string, body?: unknown) => async (shown: Shown) => {
  const { status } = await http(shown, method, path, body);
  if (status >= 300 && !REFUSED.includes(status)) throw new Error(`${method} ${path}: ${status}`);
  return status < 300;
};

const HTTP: Attempts = {
  listTables: asked('GET', '/v1/tables'),
  getTable: asked('GET', '/v1/tables/trade'),
  health: asked('GET', '/healthz'),
  readiness: asked('GET', '/readyz'),
  createQuote: asked('POST', '/v1/quotes', { table: 'trade', syms: ['GOOG'] }),
  async getQuote(shown) {
    const token = /(?:L402|Bearer) ([^:]+)/.exec(shown.authorization ?? '')?.[1];
    // Its own, as far as it has one.
    const own = token === undefined ? undefined : plant.quotes.get(token);
    return await asked('GET', `/v1/quotes/${own ?? (await quoted(plant)).quote}`)(shown);
  },
  unsubscribe: asked('POST', '/v1/unsubscribe', { table: 'trade', syms: ['AAPL'] }),
  createTicket: asked('POST', '/v1/tickets'),
  getSnapshot: asked('GET', '/v1/snapshot?table=trade&syms=AAPL'),
  getHistory: asked('GET', '/v1/history?table=trade&syms=AAPL'),
  getEvents: asked('GET', '/v1/events'),
  postEvents: asked('POST', '/v1/events'),
  getTicks: asked('GET', '/v1/ticks'),
  postTicks: asked('POST', '/v1/ticks'),
  publish: asked('POST', '/v1/publish', { table: 'trade', rows: [ROW] }),
  adminStatus: asked('GET', '/v1/admin/status'),
  adminRevoke: async (shown) => await asked('POST', '/v1/admin/revoke', { subscription: (await quoted(plant)).subscription })(shown),
  metrics: asked('GET', '/metrics'),
  getDevice: asked('GET', '/v1/device'),
  createDeviceInvoice: asked('POST', '/v1/device/invoices', { item: 'water' }),
  async getDeviceInvoice(shown) {
    const made = await http(shown, 'POST', '/v1/device/invoices', { item: 'water' });
    const { quote = 'none' } = (await made.json()) as { quote?: string };
    return await asked('GET', `/v1/device/invoices/${quote}`)(shown);
  },
  listDeviceSettlements: asked('GET', '/v1/device/settlements'),
  acknowledgeDeviceSettlements: asked('POST', '/v1/device/acknowledgements', { settlements: ['none'] }),
};

const REFUSALS = ['BAD_TOKEN', 'TOKEN_EXPIRED', 'NOT_SETTLED', 'FORBIDDEN', 'UNKNOWN_SUBSCRIPTION'];

async function onWebSocket({ token, authorization }: Shown, request: Record<string, unknown>, done: string): Promise<boolean> {
  // A buyer shows nothing until `resume`; who has no token of a buyer's shows what there is at the door.
  const headers = token === undefined && authorization !== undefined ? { authorization } : {};
  const client = await Client.open(plant.websocket, { headers }).catch(() => undefined);
  if (client === undefined) return false;
  try {
    const resumed = token === undefined ? undefined : await client.ask({ op: 'resume', id: 'r', token });
    const subscription = resumed?.['subscription'] ?? 'none-of-mine';
    const answer =
      request['op'] === 'resume'
        ? (resumed ?? (await client.ask({ ...request, id: 'a', token: authorization?.split(' ')[1] ?? 'none' })))
        : await client.ask({ subscription: request['op'] === 'unsub' ? subscription : undefined, ...request, id: 'a' });
    if (answer.op === 'error') expect(REFUSALS).toContain(answer['code']);
    return answer.op === done;
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

/** What a device asks, after it has said who it is. */
async function asDevice(shown: Shown, request: Record<string, unknown>, done: string): Promise<boolean> {
  const { token: _, ...atTheDoor } = shown;
  const secret = shown.authorization?.split(' ')[1] ?? 'none';
  const headers = shown.token === undefined && atTheDoor.authorization !== undefined ? { authorization: atTheDoor.authorization } : {};
  const client = await Client.open(plant.websocket, { headers }).catch(() => undefined);
  if (client === undefined) return false;
  try {
    const welcome = await client.ask({ op: 'hello', id: 'h', token: secret });
    const answer = request['op'] === 'hello' ? welcome : await client.ask({ ...request, id: 'a' });
    if (answer.op === 'error') expect(REFUSALS).toContain(answer['code']);
    return answer.op === done;
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

const WEBSOCKET: Attempts = {
  hello: async (shown) => await asDevice(shown, { op: 'hello' }, 'welcome'),
  invoice: async (shown) => await asDevice(shown, { op: 'invoice', item: 'water' }, 'invoiced'),
  ack: async (shown) => await asDevice(shown, { op: 'ack', settlements: ['none'] }, 'acked'),
  sub: async (shown) => await onWebSocket(shown, { op: 'sub', table: 'trade', syms: ['GOOG'] }, 'quote'),
  resume: async (shown) => await onWebSocket(shown, { op: 'resume' }, 'resumed'),
  unsub: async (shown) => await onWebSocket(shown, { op: 'unsub', table: 'trade', syms: ['AAPL'] }, 'unsubscribed'),
  ping: async (shown) => await onWebSocket(shown, { op: 'ping' }, 'pong'),
  async publish(shown) {
    const publish = { op: 'publish', table: 'trade', rows: [ROW] };
    const { token: _, ...atTheDoor } = shown;
    return (await onWebSocket(shown, publish, 'published')) || (await onWebSocket(atTheDoor, publish, 'published'));
  },
};

async function onKdb({ login }: Shown, work: (client: KdbClient) => Promise<boolean>): Promise<boolean> {
  await using client = await KdbClient.connect(plant.kdbPort, login);
  return (
    client.capability !== undefined &&
    (await work(client).catch((error: Error) => {
      if (/^(?:access|unpaid)/.test(error.message)) return false;
      throw error;
    }))
  );
}

const KDB: Attempts = {
  login: async (shown) => await onKdb(shown, async () => true),
  ask: async (shown) => await onKdb(shown, async (client) => Array.isArray(await client.value('tables[]'))),
  subscribe: async (shown) => await onKdb(shown, async (client) => Array.isArray(await client.value('.u.sub[`trade;`AAPL]'))),
  // Exactly the table and its schema: it is paid for, and rows come.
  rows: async (shown) => await onKdb(shown, async (client) => ((await client.value('.u.sub[`trade;`AAPL]')) as unknown[]).length === 2),
  upd: async (shown) => await onKdb(shown, async (client) => (await client.value(list(chars('.u.upd'), symbol('trade'), ATOMS))) === null),
};

async function onListener(path: string, { authorization }: Shown): Promise<boolean> {
  const { status } = await fetch(`${listener.url.replace('ws', 'http')}${path}`, {
    headers: authorization === undefined ? {} : { authorization },
  });
  if (status !== 200 && !REFUSED.includes(status)) throw new Error(`${path}: ${status}`);
  return status === 200;
}

const LISTENER: Attempts = {
  health: async (shown) => await onListener('/healthz', shown),
  status: async (shown) => await onListener('/v1/status', shown),
  async follow({ authorization }) {
    const socket = new WebSocket(`${listener.url}/v1/events`, { headers: authorization === undefined ? {} : { authorization } });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode));
      socket.once('error', reject);
    });
    socket.on('error', () => undefined);
    socket.terminate();
    expect([101, 401]).toContain(status);
    return status === 101;
  },
};

async function onStore({ authorization }: Shown, method: string, url: string): Promise<boolean> {
  const response = await fetch(url, { method, headers: authorization === undefined ? {} : { authorization } });
  await response.text();
  if (response.status >= 300 && ![...REFUSED, 404].includes(response.status)) throw new Error(`${method} ${url}: ${response.status}`);
  return response.status < 300;
}

const STORE: Attempts = {
  look: async (shown) => await onStore(shown, 'GET', `${shop.url}/`),
  order: async (shown) => await onStore(shown, 'POST', `${shop.url}/items/cat.txt`),
  // Either by the link, or, as programs do, where the item stands.
  deliver: async (shown) => await onStore(shown, 'GET', shown.link === undefined ? `${shop.url}/items/cat.txt` : `${shown.link}/item`),
  status: async (shown) => await onStore(shown, 'GET', `${shown.link ?? `${shop.url}/p/${'A'.repeat(32)}`}/status`),
};

/** Logged in, as the credential's device or, for what is none's, as some device that there is; undefined: refused. */
async function onMqtt(shown: Shown, work: (client: MqttClient, id: string) => Promise<boolean>): Promise<boolean> {
  const id = shown.device ?? (await addedDevice(plant)).id;
  const password = shown.token ?? shown.authorization?.split(' ')[1] ?? '';
  let client: MqttClient;
  try {
    client = await connectMqtt(plant.server.urls['mqtt'] as string, id, password);
  } catch (error) {
    // Connection refused: bad user name or password, not authorized (MQTT 3.1.1, 3.2.2.3).
    expect([4, 5]).toContain((error as { readonly code?: unknown }).code);
    return false;
  }
  try {
    return await work(client, id);
  } finally {
    await client.endAsync(true);
  }
}

const asDeviceOverMqtt = (op: 'hello' | 'invoice' | 'ack', fields: object, done: string) => async (shown: Shown) =>
  await onMqtt(shown, async (client, id) => (await ask(await overMqtt(client, id), op, { ...fields }))['op'] === done);

const MQTT: Attempts = {
  login: async (shown) => await onMqtt(shown, async () => true),
  hello: asDeviceOverMqtt('hello', {}, 'welcome'),
  invoice: asDeviceOverMqtt('invoice', { item: 'water' }, 'invoiced'),
  ack: asDeviceOverMqtt('ack', { settlements: ['none'] }, 'acked'),
  "another's": async (shown) =>
    await onMqtt(shown, async (client) => {
      const { id } = await addedDevice(plant);
      for (const filter of ['#', 'devices/#', 'devices/+/settled', `devices/${id}/+`]) {
        const granted = await client.subscribeAsync(filter, { qos: 0 }).catch(() => [{ qos: 128 }]);
        if (granted.some(({ qos }) => qos < 128)) return true;
      }
      const ended = new Promise<void>((resolve) => client.once('close', () => resolve()));
      client.publish(`devices/${id}/invoice`, JSON.stringify({ item: 'water' }), { qos: 0 });
      await ended;
      return false;
    }),
};

function attempts(transport: string, of: Attempts, groups: ReadonlyMap<string, readonly string[]> | undefined): void {
  const table = tableOf(transport);
  test.each([...table])('%s', async (credential, cells) => {
    const make = CREDENTIALS[credential];
    if (make === undefined) throw new Error(`support/credentials.ts does not know how to come by "${credential}"`);
    const shown = await make(plant, operators as Operators, shop);
    const found = new Map<string, string>();
    for (const [column, cell] of cells) {
      const outcomes = new Set<string>();
      for (const operation of groups?.get(column) ?? [column]) {
        const attempt = of[operation];
        if (attempt === undefined) throw new Error(`the test does not know the operation ${operation}`);
        outcomes.add(cell === '–' ? cell : (await attempt(shown)) ? 'yes' : 'no');
      }
      found.set(column, [...outcomes].join(' and '));
    }
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(cells));
  });
}

describe('over WebSocket', () => {
  attempts('websocket', WEBSOCKET, undefined);

  test('the table has every operation', () => {
    expect([...(tableOf('websocket').get('none') ?? new Map()).keys()]).toEqual([...REQUEST_OPS]);
  });
});

const groups = new Map([...tableOf('http operations')].map(([group, cells]) => [group, (cells.get('operations') ?? '').split(', ')]));

describe('over HTTP', () => {
  attempts('http', HTTP, groups);

  test('the table has every operation that is described, and metrics', async () => {
    const described = (await (await fetch(`${plant.http}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const ids = Object.values(described.paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
    expect([...groups.values()].flat().sort()).toEqual([...ids, 'metrics'].sort());
  });
});

describe('over kdb+', () => {
  attempts('kdb', KDB, undefined);
});

describe('over MQTT', () => {
  attempts('mqtt', MQTT, undefined);
});

describe('over the listener’s port', () => {
  attempts('listener', LISTENER, undefined);
});

describe('over the store’s port', () => {
  attempts('store', STORE, undefined);
});

test('every operator’s token, and every kind of a buyer’s, is in the table of every transport that it can be shown to', () => {
  const everywhere = Object.keys(CREDENTIALS).filter(
    (name) => !/preimage|ticket|login|transports\.http|store's .*not paid|another device's name/.test(name),
  );
  for (const transport of ['websocket', 'http', 'kdb'])
    expect([...tableOf(transport).keys()], transport).toEqual(expect.arrayContaining(everywhere));
});

test('files with secrets in them, and the control socket, are their owner’s alone', async () => {
  const ledger = plant.server.store.path;
  for (const file of [ledger, controlPath(ledger), join(plant.folder, 'access.json')]) {
    expect(((await stat(file)).mode & 0o777).toString(8), file).toBe('600');
  }
  expect((await bought(plant)).token).toBeDefined();
});
