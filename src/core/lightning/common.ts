/** Given with every call that talks to a node. */
export interface CallOptions {
  /** Ends the wait; the call then throws `ABORTED`. What the node was told already may still take effect. */
  readonly signal?: AbortSignal;
}

/** A page of a long list; `next` asks for the page after it and is undefined at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** Which page: at most `limit` items (100 unless given), oldest first, after an opaque position. */
export interface PageRequest {
  readonly after?: string;
  readonly limit?: number;
}

/** Which chain the node is on. */
export type Network = 'mainnet' | 'testnet' | 'testnet4' | 'signet' | 'simnet' | 'regtest';
