import type { CallOptions } from '../../../core/lightning/common.ts';
import { failure } from '../network/failures.ts';
import type { NodeCall, NodeCalls, NodeStream, NodeStreams, SimulatedNode } from './calls.ts';
import type { ControlCall, ControlCalls, SimnetControl } from './control-calls.ts';
import { type NetworkGateway, toLightningError } from './gateway.ts';

/** A node of a network in this process. */
export class LocalNode implements SimulatedNode {
  readonly name: string;
  readonly #gateway: NetworkGateway;
  readonly #closed = new AbortController();
  readonly #close: () => PromiseLike<void> | void;

  /** `close` is called when the node object is disposed of: whoever made the network for this node alone ends it there. */
  constructor(gateway: NetworkGateway, name: string, close: () => PromiseLike<void> | void = () => {}) {
    this.#gateway = gateway;
    this.name = name;
    this.#close = close;
  }

  async call<M extends NodeCall>(method: M, params: NodeCalls[M]['params'], { signal }: CallOptions = {}): Promise<NodeCalls[M]['result']> {
    const ended = this.#signal(signal);
    if (ended.aborted) throw aborted(method);
    let onAbort = () => {};
    try {
      const gone = new Promise<never>((_resolve, reject) => {
        onAbort = () => reject(aborted(method));
        ended.addEventListener('abort', onAbort, { once: true });
      });
      return await Promise.race([this.#gateway.call(this.name, method, params, ended), gone]);
    } catch (error) {
      throw toLightningError(error, method);
    } finally {
      ended.removeEventListener('abort', onAbort);
    }
  }

  follow<S extends NodeStream>(
    stream: S,
    params: NodeStreams[S]['params'],
    { signal }: CallOptions = {},
  ): AsyncIterable<NodeStreams[S]['event']> {
    return this.#gateway.follow(this.name, stream, params, this.#signal(signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    await this.#close();
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]);
  }
}

/** The keeper's calls to a network in this process. */
export class LocalControl implements SimnetControl {
  readonly #gateway: NetworkGateway;

  constructor(gateway: NetworkGateway) {
    this.#gateway = gateway;
  }

  async call<M extends ControlCall>(method: M, params: ControlCalls[M]['params']): Promise<ControlCalls[M]['result']> {
    try {
      return this.#gateway.control(method, params);
    } catch (error) {
      throw toLightningError(error, method);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function aborted(operation: string): Error {
  return failure('ABORTED', operation, 'given up by the caller');
}
