import { WebSocket } from 'ws';

/**
 * A `ws` connection that lets us speak before `ws` ends it for a frame that it can't take: too large (1009), not UTF-8
 * (1007), against the protocol (1002). `ws` announces those only after its close frame, when nothing can be said any more.
 */
export class BuyerSocket extends WebSocket {
  /** Called with the close code before the close frame is sent. */
  onUnreadable: ((code: number) => void) | undefined;

  override close(code?: number, reason?: string | Buffer): void {
    // Only `ws` itself, on a frame that it can't take, closes with a code and no reason; the answer to the other side's close brings one.
    if (code !== undefined && reason === undefined && this.readyState === WebSocket.OPEN) this.onUnreadable?.(code);
    super.close(code, reason);
  }
}
