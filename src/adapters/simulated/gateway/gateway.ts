import type { z } from 'zod';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import { failure } from '../network/failures.ts';
import type { SimulatedNetwork } from '../network/network.ts';
import type { NodeCall, NodeCalls, NodeStream, NodeStreams } from './calls.ts';
import type { ControlCall, ControlCalls } from './control-calls.ts';
import { controlHandlers } from './control-handlers.ts';
import { Faults } from './faults.ts';
import { nodeHandlers } from './node-calls.ts';
import { controlCallSchemas, nodeCallSchemas, nodeStreamSchemas } from './schemas.ts';
import { nodeStreams } from './streams.ts';

/** The call took effect, and its answer is to be lost: a socket closes, a caller within the process is told so. */
export class ReplyLostError extends LightningError {
  constructor(operation: string) {
    super('CONNECTION_LOST', 'the connection ended before the answer', { operation });
  }
}

/**
 * The door to a network's nodes, for callers in this process and for the socket alike: checks what is asked, lets faults
 * happen, and cuts callers off when their node goes away.
 */
export class NetworkGateway {
  readonly network: SimulatedNetwork;
  readonly faults: Faults = new Faults();
  readonly #clock: Clock;
  readonly #cuts = new Set<(node: string | undefined) => void>();

  constructor(network: SimulatedNetwork, clock: Clock) {
    this.network = network;
    this.#clock = clock;
    network.subscribe((event) => {
      if (event.kind === 'node' && !event.online) this.cutOff(event.node);
    });
  }

  /** Calls a node. Parameters are checked. @throws LightningError. */
  async call<M extends NodeCall>(node: string, method: M, params: unknown, signal?: AbortSignal): Promise<NodeCalls[M]['result']> {
    this.#check(node, method);
    const checked = check<NodeCalls[M]['params']>(nodeCallSchemas[method], params, method);
    const done = nodeHandlers[method]({ network: this.network, clock: this.#clock, node, signal }, checked);
    const result = done instanceof Promise ? await this.#unlessCutOff(node, method, done) : done;
    if (this.faults.takeReply(node, method)) throw new ReplyLostError(method);
    return result;
  }

  /** Follows a node. Ends when the signal is aborted. @throws LightningError, `CONNECTION_LOST` when the node goes away. */
  async *follow<S extends NodeStream>(
    node: string,
    stream: S,
    params: unknown,
    signal?: AbortSignal,
  ): AsyncIterable<NodeStreams[S]['event']> {
    this.#check(node, stream);
    const checked = check<NodeStreams[S]['params']>(nodeStreamSchemas[stream], params, stream);
    if (isAborted(signal)) return;
    const ends: ((error?: unknown) => void)[] = [];
    const lost = (gone: string | undefined) => {
      if (gone === undefined || gone === node) for (const end of ends) end(failure('CONNECTION_LOST', stream, 'the node went away'));
    };
    const abort = () => {
      for (const end of ends) end();
    };
    this.#cuts.add(lost);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const onEnd = (end: (error?: unknown) => void) => ends.push(end);
      const events = nodeStreams[stream]({ network: this.network, clock: this.#clock, faults: this.faults, node, onEnd }, checked);
      for await (const event of events) {
        if (isAborted(signal)) return;
        yield event;
      }
    } finally {
      this.#cuts.delete(lost);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Calls the network's keeper. Parameters are checked. @throws LightningError. */
  control<M extends ControlCall>(method: M, params: unknown): ControlCalls[M]['result'] {
    if (!Object.hasOwn(controlHandlers, method)) throw failure('INVALID_ARGUMENT', 'control', 'no such control call');
    const checked = check<ControlCalls[M]['params']>(controlCallSchemas[method], params, method);
    return controlHandlers[method](
      {
        network: this.network,
        faults: this.faults,
        restart: () => this.cutOff(undefined),
        cutOff: (node) => this.cutOff(node),
      },
      checked,
    );
  }

  /** Ends the calls and streams of a node, or of all nodes where none is named. */
  cutOff(node: string | undefined): void {
    for (const cut of [...this.#cuts]) cut(node);
  }

  /** Told when a node (or, without a name, everything) is cut off, until the answer is called. */
  onCutOff(listener: (node: string | undefined) => void): () => void {
    this.#cuts.add(listener);
    return () => this.#cuts.delete(listener);
  }

  #check(node: string, method: string): void {
    if (!Object.hasOwn(nodeHandlers, method) && !Object.hasOwn(nodeStreams, method))
      throw failure('INVALID_ARGUMENT', 'call', 'no such call');
    if (!this.network.nodes.need(node).online) throw failure('UNAVAILABLE', method, `the simulated node ${node} is stopped`);
    if (this.faults.isRefused(node)) throw failure('UNAVAILABLE', method, `the simulated node ${node} refuses connections`);
  }

  async #unlessCutOff<T>(node: string, method: string, done: Promise<T>): Promise<T> {
    let cut: (gone: string | undefined) => void = () => {};
    const lost = new Promise<never>((_resolve, reject) => {
      cut = (gone) => {
        if (gone === undefined || gone === node) reject(new ReplyLostError(method));
      };
    });
    this.#cuts.add(cut);
    try {
      return await Promise.race([done, lost]);
    } finally {
      this.#cuts.delete(cut);
    }
  }
}

/** An error to be told to the caller: those of the port as they are, anything else as `INTERNAL` without its details. */
export function toLightningError(error: unknown, operation: string): LightningError {
  if (isLightningError(error)) return error;
  return new LightningError('INTERNAL', 'the simulated network failed at this', { operation, cause: error });
}

/** A function of its own, since it changes between two looks. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function check<T>(schema: z.ZodType, params: unknown, operation: string): T {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data as T;
  const issue = parsed.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw failure('INVALID_ARGUMENT', operation, `${place}${issue?.message ?? 'unreadable'}`);
}
