import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import { silentLogger } from '../../../../src/core/ports/logger.ts';
import type { Outbox } from '../../../../src/listener/outbox/outbox.ts';
import type { Position } from '../../../../src/listener/position.ts';
import { type FromFollower, type FromListener, readFromListener } from '../../../../src/listener/protocol.ts';
import { ListenerSession } from '../../../../src/listener/server/session.ts';

/** A socket without a network: what is sent stands in a list. */
class ListSocket extends EventEmitter {
  readonly sent: string[] = [];
  readyState = 1;
  code: number | undefined;

  send(text: string): void {
    if (this.readyState === 1) this.sent.push(text);
  }

  close(code: number): void {
    if (this.readyState !== 1) return;
    this.readyState = 3;
    this.code = code;
    this.emit('close', code);
  }
}

/**
 * What a server keeps of what a listener sends it, by the protocol's rules: a position per outbox, committed with the effect; the node is
 * compared with where that position is not there, or not known.
 */
export class ModelServer {
  readonly name: string;
  /** Every settlement that had its effect. */
  readonly has: Set<string> = new Set();
  readonly #positions = new Map<string, Position>();
  /** By outbox: what it gave since the last time that a position was not known to it. */
  readonly #given = new Map<string, Set<string>>();
  /** What was committed in this connection, in its order. */
  committed: Position[] = [];
  noticed = 0;
  #socket: ListSocket | undefined;
  #outbox = '';
  #head: Position = { offset: 0, mark: '' };
  /** What the node has settled, by label. */
  readonly #node: readonly string[];

  constructor(name: string, node: readonly string[]) {
    this.name = name;
    this.#node = node;
  }

  get connected(): boolean {
    return this.#socket?.readyState === 1;
  }

  /** With which code it was shown out. */
  get code(): number | undefined {
    return this.#socket?.code;
  }

  position(outbox: string): Position | undefined {
    return this.#positions.get(outbox);
  }

  connect(outbox: Outbox): void {
    this.die();
    const socket = new ListSocket();
    this.#socket = socket;
    this.committed = [];
    const node = () => ({ isCaughtUp: true, reason: '' });
    new ListenerSession({
      name: this.name,
      socket: socket as unknown as WebSocket,
      outbox,
      node,
      logger: silentLogger,
      onFollow: () => undefined,
    });
    this.read(1);
  }

  /** Its process or the connection is gone: what was on its way is, too. */
  die(): void {
    this.#socket?.close(1006);
    this.#socket = undefined;
  }

  /** Takes so many messages, and commits what they cause; acknowledges nothing. Answers how many there were. */
  read(most: number): number {
    const texts = this.#socket?.sent.splice(0, most) ?? [];
    for (const text of texts) this.#take(readFromListener(text));
    return texts.length;
  }

  send(message: FromFollower): void {
    this.#socket?.emit('message', Buffer.from(JSON.stringify(message)), false);
  }

  #take(message: FromListener): void {
    switch (message.type) {
      case 'hello': {
        this.#outbox = message.outbox;
        this.#head = message.head;
        if (!this.#positions.has(message.outbox)) this.#compare();
        this.#follow();
        break;
      }
      case 'event': {
        const { event } = message;
        const label = (event.invoice.label ?? '').replace('label of ', '');
        const given = this.#given.get(this.#outbox) ?? new Set();
        if (given.has(label)) throw new Error(`${label} was given to ${this.name} before, and comes as new at ${event.offset}`);
        this.#given.set(this.#outbox, given.add(label));
        this.has.add(label);
        this.#commit({ offset: event.offset, mark: event.mark });
        break;
      }
      case 'caught-up':
        this.#commit(message.position);
        break;
      case 'unknown-position':
        this.noticed += 1;
        this.#given.delete(this.#outbox);
        this.#compare();
        this.#follow();
        break;
      case 'node-lost':
        break;
    }
  }

  #compare(): void {
    for (const label of this.#node) this.has.add(label);
    this.#commit(this.#head);
  }

  #follow(): void {
    this.send({ type: 'follow', after: this.#positions.get(this.#outbox) as Position });
  }

  #commit(position: Position): void {
    this.#positions.set(this.#outbox, position);
    this.committed.push(position);
  }
}
