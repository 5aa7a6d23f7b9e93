import { expect, vi } from 'vitest';
import { WebSocket } from 'ws';
import { EVENTS_PATH } from '../../../../src/listener/protocol.ts';
import { WAIT } from './expectations.ts';
import { ListenerWorld, TOKEN } from './world.ts';

/** A follower by hand. */
export class Follower {
  readonly messages: Record<string, unknown>[] = [];
  readonly socket: WebSocket;
  closed: number | undefined;

  constructor(url: string) {
    this.socket = new WebSocket(url + EVENTS_PATH, { headers: { Authorization: `Bearer ${TOKEN}` } });
    this.socket.on('message', (data) => this.messages.push(JSON.parse(String(data)) as Record<string, unknown>));
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code) => {
      this.closed = code;
    });
  }

  async next(type: string): Promise<Record<string, unknown>> {
    return await vi.waitFor(() => {
      const found = this.messages.find((message) => message['type'] === type);
      if (found === undefined) throw new Error(`no ${type} in ${JSON.stringify(this.messages)}`);
      return found;
    }, WAIT);
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }
}

/** A world with a listener that has caught up, and a follower of it. */
export async function followed(): Promise<{ readonly world: ListenerWorld; readonly follower: Follower }> {
  const world = await ListenerWorld.open({ config: { invoices: { follow: false } } });
  await world.startListener();
  await vi.waitFor(() => expect(world.listener?.status().node.caughtUp).toBe(true), WAIT);
  return { world, follower: new Follower(world.url) };
}
