import { WebSocket } from 'ws';
import type { Logger } from '../../core/ports/logger.ts';
import { ListenerError } from '../errors.ts';
import type { EventKind, InvoiceEvent } from '../event.ts';
import type { Outbox, Standing } from '../outbox/outbox.ts';
import type { Position } from '../position.ts';
import { type FromListener, PROTOCOL_VERSION, readFromFollower, WINDOW } from '../protocol.ts';

/** What a session leans on. */
export interface SessionDependencies {
  /** Whose: a server that the config names. */
  readonly name: string;
  readonly socket: WebSocket;
  readonly outbox: Outbox;
  /** Whether everything that the node has on record is in the outbox; else why not. */
  readonly node: () => { readonly isCaughtUp: boolean; readonly reason: string };
  readonly logger: Logger;
  /** Told when it follows: until then it has only been greeted. */
  readonly onFollow: () => void;
}

const PAGE = 100;
const PROTOCOL_CLOSE = 1002;
const BROKEN_CLOSE = 1011;

/** One server's connection: sends what comes after its position, as far as it acknowledges. */
export class ListenerSession {
  readonly #dependencies: SessionDependencies;
  readonly #appended: Disposable;
  /** Up to where it was sent, or passed over; undefined before `follow`. */
  #sent: Position | undefined;
  #kinds: ReadonlySet<EventKind> | undefined;
  /** Sent and not acknowledged, by their offsets, ascending. */
  #unacknowledged: Position[] = [];
  /** The furthest offset that was acknowledged since `follow`. */
  #acknowledged = 0;
  /** The position that was last said to be caught up; undefined where nothing was said since it was not. */
  #told: Position | undefined;
  #toldLost = false;

  constructor(dependencies: SessionDependencies) {
    this.#dependencies = dependencies;
    const { socket, outbox } = dependencies;
    this.#appended = outbox.onAppended(() => this.pump());
    socket.on('message', (data, isBinary) => this.#take(isBinary ? '' : String(data)));
    socket.once('close', () => this.#appended[Symbol.dispose]());
    const { node } = outbox;
    if (node === undefined) throw new ListenerError('UNAVAILABLE', 'the node was not reached yet');
    this.#send({ type: 'hello', version: PROTOCOL_VERSION, outbox: outbox.id, node, head: outbox.head });
  }

  /** Sends what there is to send. To be called when the outbox or the node's state has changed. */
  pump(): void {
    try {
      this.#pump();
    } catch (error) {
      this.#dependencies.logger.warn({ err: error }, 'the outbox could not be read; the connection ends');
      this.#dependencies.socket.close(BROKEN_CLOSE, 'the outbox can not be read');
    }
  }

  #pump(): void {
    const { outbox, socket } = this.#dependencies;
    if (socket.readyState !== WebSocket.OPEN) return;
    // More was kept than may be, and what it had not taken yet went with it.
    if (this.#sent !== undefined && this.#sent.offset < outbox.floor.offset) this.#lose('pruned');
    while (this.#sent !== undefined && this.#unacknowledged.length < WINDOW) {
      const events = outbox.after(this.#sent.offset, Math.min(PAGE, WINDOW - this.#unacknowledged.length));
      if (events.length === 0) break;
      for (const event of events) this.#pass(event);
    }
    this.#tellState();
  }

  #pass(event: InvoiceEvent): void {
    const position = { offset: event.offset, mark: event.mark };
    this.#sent = position;
    if (this.#kinds?.has(event.kind) === false) return;
    this.#unacknowledged.push(position);
    this.#send({ type: 'event', event });
  }

  #tellState(): void {
    const { outbox, node } = this.#dependencies;
    const { isCaughtUp, reason } = node();
    if (!isCaughtUp) {
      if (!this.#toldLost) this.#send({ type: 'node-lost', reason });
      this.#toldLost = true;
      this.#told = undefined;
      return;
    }
    if (this.#sent === undefined || this.#sent.offset !== outbox.head.offset || this.#told?.offset === this.#sent.offset) return;
    this.#toldLost = false;
    this.#told = this.#sent;
    this.#send({ type: 'caught-up', position: this.#sent });
  }

  #take(text: string): void {
    const { socket, logger } = this.#dependencies;
    if (socket.readyState !== WebSocket.OPEN) return;
    try {
      const message = readFromFollower(text);
      if (message.type === 'follow') this.#follow(message.after, message.kinds);
      else this.#acknowledge(message.position);
    } catch (error) {
      if (!(error instanceof ListenerError && error.code === 'PROTOCOL')) throw error;
      logger.warn({ err: error }, 'a follower that does not speak our protocol');
      socket.close(PROTOCOL_CLOSE, error.message.slice(0, 100));
    }
  }

  #follow(after: Position, kinds: readonly EventKind[] | undefined): void {
    const { outbox, name, logger, onFollow } = this.#dependencies;
    onFollow();
    this.#unacknowledged = [];
    this.#told = undefined;
    this.#kinds = kinds === undefined ? undefined : new Set(kinds);
    const standing = outbox.standing(after);
    if (standing !== 'good') {
      logger.warn(
        { offset: after.offset, head: outbox.head.offset, floor: outbox.floor.offset, standing },
        'a position that this outbox does not have',
      );
      this.#lose(standing);
      return;
    }
    this.#sent = after;
    this.#acknowledged = after.offset;
    outbox.consumers.acknowledge(name, after);
    logger.info({ after: after.offset, behind: outbox.head.offset - after.offset }, 'a server follows');
    this.pump();
  }

  #lose(reason: Exclude<Standing, 'good'>): void {
    this.#sent = undefined;
    this.#unacknowledged = [];
    this.#send({ type: 'unknown-position', reason });
  }

  #acknowledge(position: Position): void {
    const { outbox, name } = this.#dependencies;
    // It has been told that its position is gone, and this was on its way.
    if (this.#sent === undefined) return;
    const standing = position.offset <= this.#sent.offset ? outbox.standing(position) : 'ahead';
    if (standing === 'pruned') return;
    if (standing !== 'good') throw new ListenerError('PROTOCOL', 'an acknowledgement of what was not sent');
    // What was acknowledged stays so; a late one would have events kept, and called lost, that it has.
    if (position.offset <= this.#acknowledged) return;
    this.#acknowledged = position.offset;
    this.#unacknowledged = this.#unacknowledged.filter(({ offset }) => offset > position.offset);
    outbox.consumers.acknowledge(name, position);
    this.pump();
  }

  #send(message: FromListener): void {
    this.#dependencies.socket.send(JSON.stringify(message));
  }
}
