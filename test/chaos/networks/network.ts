import type { FaultOrder } from '../../../src/adapters/simulated/gateway/faults.ts';
import type { Wire } from '../wire.ts';

/** A backend as it stands in a config file. */
export type BackendConfig = Readonly<Record<string, unknown>> & { readonly kind: string };

/** A payment as the payer's own node lists it. */
export interface ListedPayment {
  readonly paymentHash: string;
  readonly settled: boolean;
}

/** A Lightning network whose processes can be killed. */
export interface ChaosNetwork extends AsyncDisposable {
  readonly seller: BackendConfig;
  /** Wallets to pay with. */
  readonly buyers: readonly [BackendConfig, ...BackendConfig[]];
  /** The names of its nodes where faults can be ordered; the seller's and those of the buyers. Empty: none can. */
  readonly faulty: { readonly seller: string; readonly buyers: readonly string[] } | undefined;
  /** The wires to the seller's node and those of the buyers, where they can be cut; else none. */
  readonly wires: readonly Wire[];
  /** Kills a process of it with SIGKILL and starts that again, without waiting until it answers. False where it was not running. */
  kill(which: number): Promise<boolean>;
  /** Resolves when every node answers. */
  ready(): Promise<void>;
  /** Brings a fault about. False where it was not taken: the network is not there just now. */
  fault(order: FaultOrder): Promise<boolean>;
  /** Every payment of the payers' nodes. */
  payments(): Promise<readonly ListedPayment[]>;
}

/** What a network is opened with. */
export interface NetworkOptions {
  /** A folder of its own, for its files and logs. */
  readonly dir: string;
  readonly progress: (line: string) => void;
}
