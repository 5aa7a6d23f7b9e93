import { connect, type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';

/** Where the server's doors are. */
export interface Doors {
  readonly websocket: string;
  readonly http: string;
  readonly mqtt: string;
}

/** Who a device is. */
export interface DeviceLogin {
  readonly device: string;
  readonly token: string;
}

/** What a device is told. */
export type Told = Readonly<Record<string, unknown>> & { readonly op?: string };

/** One connection of a device's; `onTold` hears everything, `onGone` is called once when it has ended. */
export interface DeviceLink {
  send(request: 'invoice' | 'ack', fields: Readonly<Record<string, unknown>>): void;
  /** Ends without a word. */
  cut(): void;
}

type Connect = (doors: Doors, login: DeviceLogin, onTold: (told: Told) => void, onGone: () => void) => DeviceLink;

const overWebSocket: Connect = ({ websocket }, { token }, onTold, onGone) => {
  const socket = new WebSocket(websocket);
  socket.on('open', () => socket.send(JSON.stringify({ op: 'hello', token })));
  socket.on('message', (data) => onTold(JSON.parse(String(data)) as Told));
  socket.on('error', () => undefined);
  socket.on('close', onGone);
  return {
    send: (op, fields) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ op, ...fields }));
    },
    cut: () => socket.terminate(),
  };
};

const overMqtt: Connect = ({ mqtt }, { device, token }, onTold, onGone) => {
  const client: MqttClient = connect(mqtt, { username: device, password: token, reconnectPeriod: 0 });
  client.on('connect', () => {
    client.subscribe(`devices/${device}/+`, { qos: 1 }, (error) => {
      if (error === null) client.publish(`devices/${device}/hello`, '{}', { qos: 1 });
    });
  });
  client.on('message', (_topic, payload) => onTold(JSON.parse(String(payload)) as Told));
  client.on('error', () => undefined);
  client.once('close', () => {
    client.end(true);
    onGone();
  });
  return {
    send: (request, fields) => {
      if (client.connected) client.publish(`devices/${device}/${request}`, JSON.stringify(fields), { qos: 1 });
    },
    cut: () => client.stream.destroy(),
  };
};

const overHttp: Connect = ({ http }, { token }, onTold, onGone) => {
  const gone = new AbortController();
  const call = async (path: string, init: RequestInit = {}, more: Readonly<Record<string, string>> = {}): Promise<Told> => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...more };
    const response = await fetch(`${http}${path}`, { ...init, headers, signal: gone.signal });
    return (await response.json()) as Told;
  };
  const poll = async (): Promise<void> => {
    while (!gone.signal.aborted) {
      const { settlements = [] } = (await call('/v1/device/settlements?wait=20')) as { readonly settlements?: readonly Told[] };
      for (const settlement of settlements) onTold({ op: 'settled', ...settlement });
      if (settlements.length > 0) await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  const end = (): void => {
    if (!gone.signal.aborted) gone.abort();
  };
  call('/v1/device')
    .then((about) => {
      onTold({ op: 'welcome', ...about });
      return poll();
    })
    .catch(() => undefined)
    .finally(() => {
      end();
      onGone();
    });
  return {
    send: (request, { key, ...fields }) => {
      const path = request === 'invoice' ? '/v1/device/invoices' : '/v1/device/acknowledgements';
      const more = key === undefined ? {} : { 'Idempotency-Key': String(key) };
      call(path, { method: 'POST', body: JSON.stringify(fields) }, more)
        .then((answer) => onTold({ op: request === 'invoice' ? 'invoiced' : 'acked', key, ...answer }))
        .catch(() => undefined);
    },
    cut: end,
  };
};

/** The three doors. */
export const CONNECT: readonly Connect[] = [overWebSocket, overMqtt, overHttp];
