import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';

/** WebSocket pings that may go unanswered. */
const UNANSWERED_PINGS = 2;

/** Whether the other side is still there: a half-open connection looks like a quiet one until somebody asks. */
export class Liveness {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  #unanswered = 0;
  #written = 0;

  constructor(webSocket: WebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    webSocket.on('pong', () => this.heard());
    webSocket.on('ping', () => this.heard());
  }

  /** Something came from the other side. */
  heard(): void {
    this.#unanswered = 0;
  }

  /** Asks again. False: nobody answered and the connection was ended, or it is closing already. */
  probe(): boolean {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return false;
    // Where much is waiting, the ping waits behind it; that some of it got through is an answer as well.
    if (this.#backlogMoved()) this.heard();
    if (this.#unanswered >= UNANSWERED_PINGS) {
      this.#webSocket.terminate();
      return false;
    }
    this.#unanswered++;
    this.#webSocket.ping();
    return true;
  }

  #backlogMoved(): boolean {
    if (!(this.#socket instanceof Socket)) return false;
    const before = this.#written;
    this.#written = this.#socket.bytesWritten - this.#socket.writableLength;
    return this.#socket.writableLength > 0 && this.#written > before;
  }
}
