import type { SimulatedNode } from '../../../src/adapters/simulated/gateway/calls.ts';
import { EventQueue } from '../../../src/adapters/simulated/gateway/event-queue.ts';
import { type ReadInvoice, readInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import type { NetworkEvent } from '../../../src/adapters/simulated/network/events.ts';
import type { SimulatedNetwork } from '../../../src/adapters/simulated/network/network.ts';
import type { NodeRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { NodeId, Outpoint } from '../../../src/core/lightning/identifiers.ts';
import type { Clock } from '../../../src/core/ports/clock.ts';
import type { Message } from './values.ts';

/** What every call of the emulated lnd works on. */
export interface LndNode {
  /** Its name in the network, which is its alias. */
  readonly name: string;
  readonly calls: SimulatedNode;
  readonly network: SimulatedNetwork;
  readonly clock: Clock;
  /** Channels whose close was asked for here, and not by the peer. */
  readonly closedHere: Set<Outpoint>;
  /** Peers that it was told to stay connected to and that did not answer, with their ports. */
  readonly dialled: Map<NodeId, number>;
  /** Payment requests of its own that were read before. */
  readonly requests: Map<string, ReadInvoice>;
}

/** A call with one answer. A method's type, so that each can name just the fields of the request that it uses. */
export type UnaryCall = { call(node: LndNode, request: Message): Message | Promise<Message> }['call'];

/** A call with many answers. The signal is aborted when the caller has gone. */
export type StreamCall = { call(node: LndNode, request: Message, signal: AbortSignal): AsyncIterable<Message> }['call'];

/** Calls by their full names, `lnrpc.Lightning/GetInfo`. */
export type UnaryCalls = Readonly<Record<string, UnaryCall>>;

/** Streams by their full names. */
export type StreamCalls = Readonly<Record<string, StreamCall>>;

/** Events of the network that fit, from this moment on until the signal is aborted. Take one turn of the queue before looking. */
export function listen(node: LndNode, signal: AbortSignal, fits: (event: NetworkEvent) => boolean): EventQueue<NetworkEvent> {
  const queue = new EventQueue<NetworkEvent>();
  const unsubscribe = node.network.subscribe((event) => {
    if (fits(event)) queue.push(event);
  });
  const end = () => {
    unsubscribe();
    queue.end();
  };
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  return queue;
}

/** The record of the node itself. */
export function self(node: LndNode): NodeRecord {
  return node.network.nodes.need(node.name);
}

/** Reads a payment request; one of many readings of the same costs its signature once. */
export function read(node: LndNode, paymentRequest: string): ReadInvoice {
  const known = node.requests.get(paymentRequest) ?? readInvoice(paymentRequest);
  node.requests.set(paymentRequest, known);
  return known;
}
