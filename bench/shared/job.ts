import { SYMBOLS } from './rows.ts';

/** What a connection says, and what must have come before it goes on. */
export interface Stage {
  readonly send: Uint8Array | string;
  /** Empty: nothing. */
  readonly wait: string;
}

/** One connection of the sink. */
export interface SinkConnection {
  readonly stages: readonly Stage[];
  /** Symbols that it takes, by their place in {@link SYMBOLS}. */
  readonly takes: readonly number[];
}

/** How what comes is cut into messages, so that no byte of a header is taken for a row's mark. */
export type Framing = 'plain' | 'websocket' | 'kdb';

const FRAMING: Readonly<Record<Framing, number>> = { plain: 0, websocket: 1, kdb: 2 };

/** The file that the sink reads (see native/sink.c); rows go round the first so many symbols. */
export function encodeJob(framing: Framing, connections: readonly SinkConnection[], symbols: number = SYMBOLS.length): Buffer {
  const parts: Uint8Array[] = [u32(connections.length), u32(symbols), u32(FRAMING[framing])];
  const add = (bytes: Uint8Array): void => void parts.push(u32(bytes.length), bytes);
  for (const { stages, takes } of connections) {
    parts.push(u32(stages.length));
    for (const { send, wait } of stages) {
      add(typeof send === 'string' ? Buffer.from(send) : send);
      add(Buffer.from(wait, 'latin1'));
    }
    const flags = Buffer.alloc(symbols);
    for (const index of takes) flags[index] = 1;
    parts.push(flags);
  }
  return Buffer.concat(parts);
}

/** RFC 6455, 4.1: the request that opens a WebSocket, and the end of what answers it. */
export function upgradeStage(port: number, path = '/'): Stage {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
  ];
  return { send: `${lines.join('\r\n')}\r\n\r\n`, wait: '\r\n\r\n' };
}

/** RFC 6455, 5.2: a client's text frame; masked with zeros, which leaves the text as it is. */
export function clientFrame(text: string): Uint8Array {
  const payload = Buffer.from(text);
  const short = payload.length < 126;
  const head = Buffer.alloc(short ? 6 : 8);
  head[0] = 0x81;
  head[1] = 0x80 | (short ? payload.length : 126);
  if (!short) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
