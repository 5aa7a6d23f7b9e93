import { connectAsync, type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';
import type { World } from './world.ts';

/** What a device is told, as every door says it. */
export type Told = Readonly<Record<string, unknown>> & { readonly op: string };

/** A device that is connected, whatever the door. */
export interface Device extends AsyncDisposable {
  readonly told: readonly Told[];
  /** Sends a request; `id` finds its answer. */
  send(request: 'hello' | 'invoice' | 'ack', fields: Readonly<Record<string, unknown>>): void;
  /** Ends without a word, as a cable that is cut. */
  cut(): void;
}

/** A door. */
export interface Door {
  readonly name: string;
  connect(world: World, credential: { readonly device: string; readonly token: string }): Promise<Device>;
}

/** Waits until something was told that fits. */
export async function until(device: Device, fits: (told: Told) => boolean, what: string): Promise<Told> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = device.told.find(fits);
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not come; what came: ${JSON.stringify(device.told)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let requests = 0;

/** Sends a request and waits for its answer, a refusal too. */
export async function ask(device: Device, request: 'hello' | 'invoice' | 'ack', fields: Readonly<Record<string, unknown>>): Promise<Told> {
  requests += 1;
  const id = `r${requests}`;
  device.send(request, { ...fields, id });
  return await until(device, (told) => told['id'] === id, `the answer to ${request}`);
}

/** Payments that a device was told, each as often as it was. */
export function settled(device: Device): readonly Told[] {
  return device.told.filter(({ op }) => op === 'settled');
}

export const websocketDoor: Door = {
  name: 'WebSocket',
  async connect({ urls }, { token }) {
    const told: Told[] = [];
    const socket = new WebSocket(urls.websocket);
    socket.on('message', (data) => told.push(JSON.parse(String(data)) as Told));
    socket.on('error', () => undefined);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('close', reject);
    });
    const device: Device = {
      told,
      send: (op, fields) => socket.send(JSON.stringify({ op, ...(op === 'hello' && { token }), ...fields })),
      cut: () => socket.terminate(),
      async [Symbol.asyncDispose]() {
        socket.terminate();
      },
    };
    await ask(device, 'hello', {});
    return device;
  },
};

export const mqttDoor: Door = {
  name: 'MQTT',
  async connect({ urls }, { device: id, token }) {
    const client = await connectMqtt(urls.mqtt, id, token);
    return await overMqtt(client, id);
  },
};

/** An MQTT client that does not come back by itself. */
export async function connectMqtt(url: string, username: string, password: string, more: object = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { username, password, reconnectPeriod: 0, connectTimeout: 5_000, ...more }, false);
  client.on('error', () => undefined);
  return client;
}

/** A device over a client; with `token` in each message, as over somebody else's broker. */
export async function overMqtt(client: MqttClient, id: string, token?: string): Promise<Device> {
  const told: Told[] = [];
  client.on('message', (_topic, payload) => told.push(JSON.parse(String(payload)) as Told));
  await client.subscribeAsync(`devices/${id}/+`, { qos: 1 });
  return {
    get told() {
      return told.filter(({ op }) => op !== undefined);
    },
    send: (request, fields) => void client.publish(`devices/${id}/${request}`, JSON.stringify({ token, ...fields }), { qos: 1 }),
    cut: () => client.stream.destroy(),
    async [Symbol.asyncDispose]() {
      await client.endAsync(true);
    },
  };
}

/** Asks by long polling, one after the other. */
export const httpDoor: Door = {
  name: 'HTTP',
  async connect({ urls }, { token }) {
    const told: Told[] = [];
    const gone = new AbortController();
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const call = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(`${urls.http}${path}`, { ...init, headers: { ...headers, ...init.headers }, signal: gone.signal });
      const body = (await response.json()) as Told;
      return response.ok ? body : { ...body, op: 'error' };
    };
    const poll = async () => {
      while (!gone.signal.aborted) {
        const { settlements = [] } = (await call('/v1/device/settlements?wait=1').catch(() => ({}))) as { settlements?: Told[] };
        told.push(...settlements.map((each) => ({ ...each, op: 'settled' })));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const send = async (request: 'hello' | 'invoice' | 'ack', { id, key, ...fields }: Readonly<Record<string, unknown>>) => {
      const say = (op: string, body: Partial<Told>) => told.push({ ...body, op: body.op ?? op, id });
      const init = { method: 'POST', body: JSON.stringify(fields), headers: key === undefined ? {} : { 'Idempotency-Key': String(key) } };
      if (request === 'hello') say('welcome', await call('/v1/device'));
      else if (request === 'invoice') say('invoiced', await call('/v1/device/invoices', init));
      else say('acked', await call('/v1/device/acknowledgements', init));
    };
    void poll();
    return {
      told,
      send: (request, fields) => void send(request, fields).catch(() => undefined),
      cut: () => gone.abort(),
      async [Symbol.asyncDispose]() {
        gone.abort();
      },
    };
  },
};

export const DOORS: readonly Door[] = [websocketDoor, httpDoor, mqttDoor];
