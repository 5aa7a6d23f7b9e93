import { createHmac } from 'node:crypto';
import { type Preimage, preimage } from '../../../core/lightning/identifiers.ts';
import type { LndContext } from './context.ts';

const PREFIX = 'label-key:';

/**
 * Preimages for labels. lnd's invoices have no label, but their hashes are unique: the same label gives the same preimage,
 * thus the same hash, and lnd itself finds the first invoice. The key behind it is random and kept, per node, in the
 * settlement log's checkpoint, which lnd has no other use for: as durable as that log, and to be kept as secret as the ledger.
 */
export class LabelKeys {
  readonly #context: LndContext;
  #key: Promise<Buffer> | undefined;

  constructor(context: LndContext) {
    this.#context = context;
  }

  /** The preimage that belongs to a label on this node. */
  async preimage(label: string): Promise<Preimage> {
    this.#key ??= this.#load().catch((error: unknown) => {
      this.#key = undefined;
      throw error;
    });
    return preimage(
      createHmac('sha256', await this.#key)
        .update(label, 'utf8')
        .digest('hex'),
    );
  }

  async #load(): Promise<Buffer> {
    const { identity, random, settlementLog } = this.#context;
    const node = await identity();
    const kept = parse(await settlementLog.checkpoint(node));
    if (kept !== undefined) return kept;
    await settlementLog.saveCheckpoint(node, `${PREFIX}${Buffer.from(random.bytes(32)).toString('hex')}`);
    // Read back: where two processes began at once, both go on with what was kept last.
    const saved = parse(await settlementLog.checkpoint(node));
    if (saved === undefined) throw new Error('the settlement log did not keep its checkpoint');
    return saved;
  }
}

function parse(checkpoint: string | undefined): Buffer | undefined {
  return checkpoint?.startsWith(PREFIX) ? Buffer.from(checkpoint.slice(PREFIX.length), 'hex') : undefined;
}
