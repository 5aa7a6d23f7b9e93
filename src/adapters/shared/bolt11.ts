import { decode } from 'light-bolt11-decoder';
import { type Msat, parseMsat } from '../../core/lightning/amount.ts';

/** The parts of a BOLT 11 text that an invoice's record needs and a node's list leaves out. Times in milliseconds. */
export interface Bolt11Fields {
  readonly paymentHash: string;
  readonly amountMsat: Msat | undefined;
  readonly description: string | undefined;
  readonly descriptionHash: string | undefined;
  readonly createdAt: number;
  readonly expirySeconds: number;
  readonly finalCltvDelta: number;
}

const DEFAULT_EXPIRY_SECONDS = 3600;
const DEFAULT_FINAL_CLTV = 18;

/**
 * Reads a BOLT 11 text. The signature is not checked and the payee, which is recovered from it, not told: for an
 * invoice that a node gave us. To read somebody else's, ask the node.
 * @throws Error when it can't be read.
 */
export function readBolt11(paymentRequest: string): Bolt11Fields {
  const { sections } = decode(paymentRequest);
  const value = (name: string): unknown => (sections.find((section) => section.name === name) as { value?: unknown } | undefined)?.value;
  const amount = value('amount');
  const timestamp = value('timestamp');
  const hash = value('payment_hash');
  if (typeof timestamp !== 'number' || typeof hash !== 'string') throw new Error('a BOLT 11 text without time or payment hash');
  const text = value('description');
  const descriptionHash = value('description_hash');
  const expiry = value('expiry');
  const cltv = value('min_final_cltv_expiry');
  return {
    paymentHash: hash,
    amountMsat: typeof amount === 'string' ? parseMsat(amount) : undefined,
    description: typeof text === 'string' ? text : undefined,
    descriptionHash: typeof descriptionHash === 'string' ? descriptionHash : undefined,
    createdAt: timestamp * 1000,
    expirySeconds: typeof expiry === 'number' ? expiry : DEFAULT_EXPIRY_SECONDS,
    finalCltvDelta: typeof cltv === 'number' ? cltv : DEFAULT_FINAL_CLTV,
  };
}
