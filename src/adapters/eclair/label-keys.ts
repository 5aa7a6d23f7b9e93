import { Buffer } from 'node:buffer';
import { createHash, createHmac } from 'node:crypto';
import { isLightningError } from '../../core/lightning/errors.ts';
import { type Preimage, preimage } from '../../core/lightning/identifiers.ts';
import type { EclairClient } from './client.ts';
import { signatureSchema } from './schema.ts';

const ROOT_MESSAGE = 'lightning-tickerplant: root of the preimages of labelled invoices, v1';

/**
 * Preimages derived from labels: eclair has no labels, and without them a creation whose answer was lost could not be
 * asked for again. The root is the node's own signature of a fixed text, which is the same each time (RFC 6979) and
 * which nobody else can make; it never leaves the process.
 */
export class LabelKeys {
  readonly #client: EclairClient;
  #root: Promise<Buffer | undefined> | undefined;

  constructor(client: EclairClient) {
    this.#client = client;
  }

  /** The preimage of a label; undefined where the node signs no messages, and labels are then good for this process only. */
  async preimageOf(label: string, operation: string, signal: AbortSignal | undefined): Promise<Preimage | undefined> {
    if (this.#root === undefined) {
      const learning = this.#learn(operation, signal);
      this.#root = learning;
      learning.catch(() => {
        if (this.#root === learning) this.#root = undefined;
      });
    }
    const root = await this.#root;
    return root === undefined ? undefined : preimage(createHmac('sha256', root).update(label, 'utf8').digest('hex'));
  }

  async #learn(operation: string, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    const form = { msg: Buffer.from(ROOT_MESSAGE, 'utf8').toString('base64') };
    try {
      const { signature } = await this.#client.call('/signmessage', form, { operation, signal, schema: signatureSchema, readOnly: true });
      return createHash('sha256').update(signature, 'hex').digest();
    } catch (error) {
      if (isLightningError(error, 'UNSUPPORTED')) return undefined;
      throw error;
    }
  }
}
