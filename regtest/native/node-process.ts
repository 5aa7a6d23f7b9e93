import type { ShortChannelId } from '../../src/core/lightning/identifiers.ts';
import type { NodeConfig, NodeKind, NodeRole } from '../network.ts';
import type { NativeBitcoind } from './bitcoind.ts';

/** What starting one Lightning node is given. */
export interface NodeOptions {
  readonly role: NodeRole;
  readonly alias: string;
  /** Its own folder; exists. */
  readonly folder: string;
  readonly bitcoind: NativeBitcoind;
}

/** One Lightning node's process and how to talk to it. */
export interface NodeProcess {
  readonly kind: NodeKind;
  readonly config: NodeConfig;
  readonly invoiceOnlyConfig: NodeConfig | undefined;
  readonly address: { readonly host: string; readonly port: number };
  /** Starts the process and waits until it answers and has seen the chain's tip. Running already: nothing. */
  start(): Promise<void>;
  /** Ends the process and waits until it is gone. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  readonly running: boolean;
  /** Whether its public graph has a channel with the policies of both sides, so that it can route over it. */
  knowsChannel(channel: ShortChannelId): Promise<boolean>;
  /** Gives back what it holds beside the process. */
  dispose(): void;
}

/** How long a node may take from its start until it answers. */
export const READY_MS = 240_000;
