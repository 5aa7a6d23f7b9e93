import { chars } from '../../src/kdb/build.ts';
import { encodeMessage } from '../../src/kdb/message.ts';
import { clientFrame, type Framing, type Stage, upgradeStage } from '../shared/job.ts';
import type { Door } from './doors.ts';

/** How a client with a token comes in by each door, and begins to take rows. */
export interface DoorWay {
  readonly framing: Framing;
  /** Which of the server's URLs. */
  readonly transport: 'websocket' | 'http' | 'kdb';
  readonly stages: (port: number, token: string) => readonly Stage[];
}

export const WAYS: Readonly<Record<Door, DoorWay>> = {
  websocket: {
    framing: 'websocket',
    transport: 'websocket',
    stages: (port, token) => [
      upgradeStage(port),
      { send: clientFrame(JSON.stringify({ op: 'resume', id: 1, token })), wait: '"op":"resumed"' },
    ],
  },
  sse: { framing: 'plain', transport: 'http', stages: (port, token) => [streamStage('/v1/events', port, token)] },
  ndjson: { framing: 'plain', transport: 'http', stages: (port, token) => [streamStage('/v1/ticks', port, token)] },
  kdb: {
    framing: 'kdb',
    transport: 'kdb',
    stages: (_, token) => [
      { send: kdbLogin(token), wait: '\x03' },
      { send: encodeMessage('sync', chars('.u.sub[`kdb;`]')), wait: 'size\0text\0' },
    ],
  },
};

/** A kdb+ login; the password may be a token. */
export function kdbLogin(password: string): string {
  return `bench:${password}\x03\0`;
}

function streamStage(path: string, port: number, token: string): Stage {
  const lines = [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${token}`];
  return { send: `${lines.join('\r\n')}\r\n\r\n`, wait: '"op":"resumed"' };
}
