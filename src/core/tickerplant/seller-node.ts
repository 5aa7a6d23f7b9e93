import type { LightningBackend, NodeIdentity, NodeInfo } from '../lightning/backend.ts';
import { isLightningError } from '../lightning/errors.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';

/** The parts of a backend that selling needs; an invoice-only credential can do all of it. */
export type SellerBackend = Pick<LightningBackend, 'node' | 'invoices'>;

/** What is known of the seller's node once it was reached. */
export interface KnownNode {
  readonly identity: NodeIdentity;
  /** Empty where the credential may not ask. */
  readonly uris: readonly string[];
}

/**
 * Learns once which node this is, and makes sure that a ledger that is new to it starts at its present end: before the
 * first quote, so that nothing of ours can be before that, and an old node's history is not played back.
 */
export class SellerNode {
  readonly #backend: SellerBackend;
  readonly #ledger: Pick<Ledger, 'cursor' | 'saveCursor'>;
  readonly #logger: Logger;
  #known: Promise<KnownNode> | undefined;

  constructor(backend: SellerBackend, ledger: Pick<Ledger, 'cursor' | 'saveCursor'>, logger: Logger) {
    this.#backend = backend;
    this.#ledger = ledger;
    this.#logger = logger;
  }

  /** @throws LightningError while the node can't be reached; the next call tries again. */
  known(): Promise<KnownNode> {
    if (this.#known === undefined) {
      const learning = this.#learn();
      this.#known = learning;
      learning.catch(() => {
        this.#known = undefined;
      });
    }
    return this.#known;
  }

  async #learn(): Promise<KnownNode> {
    const identity = await this.#backend.node.identity();
    if ((await this.#ledger.cursor(identity)) === undefined) {
      await this.#ledger.saveCursor(identity, await this.#backend.invoices.settlementsHead());
    }
    const info = await this.#info();
    const uris = info?.uris ?? [];
    this.#logger.info({ node: identity.nodeId, network: identity.network }, 'the Lightning node is reached');
    // No refusal: a regtest or signet node whose last block is hours old calls itself so, and is paid all the same.
    if (info?.synced === false) {
      const text = 'the Lightning node is behind the chain: what is paid may come late or not at all until it has caught up';
      this.#logger.warn({ blockHeight: info.blockHeight }, text);
    }
    return { identity, uris };
  }

  /** Undefined where the credential may not ask. */
  async #info(): Promise<NodeInfo | undefined> {
    try {
      return await this.#backend.node.info();
    } catch (error) {
      if (isLightningError(error, 'UNAUTHENTICATED')) return undefined;
      throw error;
    }
  }
}
