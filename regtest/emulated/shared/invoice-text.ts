import { bech32 } from '@scure/base';
import { signInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import type { SimulatedNetwork } from '../../../src/adapters/simulated/network/network.ts';
import type { InvoiceRecord } from '../../../src/adapters/simulated/network/records.ts';

const TIMESTAMP_WORDS = 7;
const SIGNATURE_WORDS = 104;
const FEATURES_TAG = 5;

/** What nodes tell of a BOLT 11 text beside what every reader of it does. */
export interface InvoiceText {
  /** The part that names the network, without the amount: `lnbcrt`. */
  readonly prefix: string;
  /** Feature bits that are set (BOLT 9). */
  readonly features: readonly number[];
  readonly featuresHex: string;
  /** The signature without its recovery id, as DER in hex. */
  readonly signatureDer: string;
}

/** Reads a payment request that is known to be whole. */
export function readInvoiceText(text: string): InvoiceText {
  const { prefix, words } = bech32.decode(text.toLowerCase() as `${string}1${string}`, false);
  const body = words.slice(TIMESTAMP_WORDS, -SIGNATURE_WORDS);
  let features = 0n;
  for (let at = 0; at < body.length; ) {
    const length = (body[at + 1] ?? 0) * 32 + (body[at + 2] ?? 0);
    const data = body.slice(at + 3, at + 3 + length);
    if (body[at] === FEATURES_TAG) features = data.reduce((sum, word) => (sum << 5n) | BigInt(word), 0n);
    at += 3 + length;
  }
  const hex = features.toString(16);
  const signature = bech32.fromWords(words.slice(-SIGNATURE_WORDS));
  return {
    prefix: /^ln(?:bcrt|bc|tbs|tb|sb)/.exec(prefix)?.[0] ?? prefix,
    features: [...features.toString(2)].reverse().flatMap((bit, index) => (bit === '1' ? [index] : [])),
    featuresHex: hex.length % 2 === 0 ? hex : `0${hex}`,
    signatureDer: toDer(signature.slice(0, 32), signature.slice(32, 64)),
  };
}

const donations = new WeakMap<InvoiceRecord, string>();

/** An invoice's text; for what came without one (keysend) a text as the nodes make it up themselves. */
export function textOf(network: SimulatedNetwork, record: InvoiceRecord, description = 'Donation'): string {
  if (record.paymentRequest !== '') return record.paymentRequest;
  const known = donations.get(record);
  if (known !== undefined) return known;
  const { secretKey, nodeId } = network.nodes.need(record.node);
  const seconds = Math.floor(record.createdAt / 1000);
  const terms = {
    paymentHash: record.paymentHash,
    paymentSecret: record.paymentHash,
    amountMsat: record.amountMsat,
    description,
    descriptionHash: undefined,
    createdAt: seconds * 1000,
    expiresAt: (seconds + 3600) * 1000,
    finalCltvDelta: 18,
    routeHints: [],
  };
  const made = signInvoice(terms, secretKey, nodeId);
  donations.set(record, made);
  return made;
}

function toDer(r: Uint8Array, s: Uint8Array): string {
  const body = Buffer.concat([derInteger(r), derInteger(s)]);
  return Buffer.concat([Uint8Array.of(0x30, body.length), body]).toString('hex');
}

function derInteger(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const rest = bytes.slice(start);
  const padded = (rest[0] ?? 0) >= 0x80 ? Buffer.concat([Uint8Array.of(0), rest]) : Buffer.from(rest);
  return Buffer.concat([Uint8Array.of(0x02, padded.length), padded]);
}
