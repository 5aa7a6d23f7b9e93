import type { NodeRecord } from '../../../src/adapters/simulated/network/records.ts';
import { isLightningError, type LightningErrorCode } from '../../../src/core/lightning/errors.ts';
import type { EmulatedNodeOptions } from '../node-server.ts';
import { type WaitOptions, waitFor } from '../shared/wait-for.ts';

/** What every room of the emulated lightningd is handed. */
export class ClnContext {
  readonly options: EmulatedNodeOptions;

  constructor(options: EmulatedNodeOptions) {
    this.options = options;
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

  waitFor<T>(wait: Pick<WaitOptions, 'signal' | 'timeoutMs'>, look: () => T | undefined): Promise<T | undefined> {
    return waitFor({ network: this.network, clock: this.options.clock, ...wait }, look);
  }
}

/** Seconds since 1970, as lightningd counts. */
export function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/** Does a call of the simulated node; a refusal of one of the given kinds becomes lightningd's. */
export async function translated<T>(
  call: Promise<T>,
  refusals: Readonly<Partial<Record<LightningErrorCode, (message: string) => Error>>>,
): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const refusal = isLightningError(error) ? refusals[error.code] : undefined;
    throw refusal === undefined ? error : refusal((error as Error).message);
  }
}
