import type { NodeRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { EmulatedNodeOptions } from '../node-server.ts';
import { type WaitOptions, waitFor } from '../shared/wait-for.ts';
import type { Events } from './events.ts';
import type { Form } from './form.ts';

/** Regtest's genesis block, in the order of the wire. */
export const CHAIN_HASH = '06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f';

/** What a request may do beside reading its form. */
export interface CallContext {
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** One endpoint: what it answers goes over the wire as JSON, bigints as numbers. */
export type Endpoint = (form: Form, call: CallContext) => unknown;

/** Endpoints by path, without the slash. */
export type Endpoints = Readonly<Record<string, Endpoint>>;

/** What every room of the emulated eclair is handed. */
export class EclairContext {
  readonly options: EmulatedNodeOptions;
  readonly events: Events;

  constructor(options: EmulatedNodeOptions, events: Events) {
    this.options = options;
    this.events = events;
  }

  get name(): string {
    return this.options.node.name;
  }

  get network(): EmulatedNodeOptions['network'] {
    return this.options.network;
  }

  get node(): EmulatedNodeOptions['node'] {
    return this.options.node;
  }

  get self(): NodeRecord {
    return this.network.nodes.need(this.name);
  }

  now(): number {
    return this.options.clock.now();
  }

  randomHex(bytes: number): string {
    return Buffer.from(this.options.random.bytes(bytes)).toString('hex');
  }

  /** A random id in the text form of RFC 9562. */
  uuid(): string {
    const hex = this.randomHex(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  waitFor<T>(wait: Pick<WaitOptions, 'signal' | 'timeoutMs'>, look: () => T | undefined): Promise<T | undefined> {
    return waitFor({ network: this.network, clock: this.options.clock, ...wait }, look);
  }
}

/** A moment as eclair tells it: whole seconds without a fraction. */
export function moment(milliseconds: number): { readonly iso: string; readonly unix: number } {
  return { iso: new Date(milliseconds).toISOString().replace('.000Z', 'Z'), unix: Math.floor(milliseconds / 1000) };
}
