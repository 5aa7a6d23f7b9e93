import { secp256k1 } from '@noble/curves/secp256k1.js';
import invoices from 'invoices';
import { type Msat, msat } from '../../../core/lightning/amount.ts';
import type { Network } from '../../../core/lightning/common.ts';
import { LightningError } from '../../../core/lightning/errors.ts';
import { type NodeId, nodeId, type PaymentHash, paymentHash, shortChannelId } from '../../../core/lightning/identifiers.ts';
import type { DecodedInvoice, RouteHint } from '../../../core/lightning/payment.ts';

/** What an invoice says, before it is signed. Times are milliseconds since 1970, whole seconds. */
export interface InvoiceTerms {
  readonly paymentHash: PaymentHash;
  readonly paymentSecret: string;
  readonly amountMsat: Msat | undefined;
  readonly description: string | undefined;
  readonly descriptionHash: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly finalCltvDelta: number;
  readonly routeHints: readonly (readonly RouteHint[])[];
}

/** A payment request as read, with the payment secret that only the sender's onion carries on. */
export interface ReadInvoice extends DecodedInvoice {
  readonly paymentSecret: string | undefined;
}

/** BOLT 9: onion with TLV payloads and payment secret required, multi-part payments offered. */
const FEATURES = [{ bit: 8 }, { bit: 14 }, { bit: 17 }];
/** BOLT 11: what holds where field `c` is left out. */
const DEFAULT_FINAL_CLTV = 18;

const NETWORKS: Readonly<Record<string, Network>> = {
  bitcoin: 'mainnet',
  testnet: 'testnet',
  signet: 'signet',
  simnet: 'simnet',
  regtest: 'regtest',
};

/** The public key of a secret key, both in hex. */
export function publicKey(secretKey: string): string {
  return Buffer.from(secp256k1.getPublicKey(Buffer.from(secretKey, 'hex'), true)).toString('hex');
}

/** Writes and signs a payment request on regtest's prefix `lnbcrt` (BOLT 11). `destination` is the key's public half. */
export function signInvoice(terms: InvoiceTerms, secretKey: string, destination: NodeId): string {
  const unsigned = invoices.createUnsignedRequest({
    ...(terms.descriptionHash === undefined ? { description: terms.description ?? '' } : { description_hash: terms.descriptionHash }),
    cltv_delta: terms.finalCltvDelta,
    created_at: new Date(terms.createdAt).toISOString(),
    destination,
    expires_at: new Date(terms.expiresAt).toISOString(),
    features: FEATURES,
    id: terms.paymentHash,
    mtokens: (terms.amountMsat ?? 0n).toString(),
    network: 'regtest',
    payment: terms.paymentSecret,
    ...(terms.routeHints.length > 0 && { routes: terms.routeHints.map((hint) => toRoute(hint, destination)) }),
  });
  const digest = Buffer.from(unsigned.hash, 'hex');
  const signature = Buffer.from(secp256k1.sign(digest, Buffer.from(secretKey, 'hex'), { prehash: false })).toString('hex');
  return invoices.createSignedRequest({ destination, hrp: unsigned.hrp, signature, tags: unsigned.tags }).request;
}

/** Reads a payment request of any network and checks its signature. @throws LightningError `INVALID_ARGUMENT`. */
export function readInvoice(paymentRequest: string): ReadInvoice {
  try {
    const parsed = invoices.parsePaymentRequest({ request: paymentRequest.trim().replace(/^lightning:/i, '') });
    const network = NETWORKS[parsed.network];
    if (network === undefined) throw new TypeError('its network is unknown');
    return {
      paymentHash: paymentHash(parsed.id),
      payee: nodeId(parsed.destination),
      network,
      amountMsat: parsed.mtokens === undefined || parsed.mtokens === '0' ? undefined : msat(BigInt(parsed.mtokens)),
      description: parsed.description_hash === undefined ? (parsed.description ?? '') : undefined,
      descriptionHash: parsed.description_hash,
      createdAt: Date.parse(parsed.created_at),
      expiresAt: Date.parse(parsed.expires_at),
      finalCltvDelta: parsed.cltv_delta ?? DEFAULT_FINAL_CLTV,
      routeHints: (parsed.routes ?? []).map(fromRoute),
      paymentSecret: parsed.payment,
    };
  } catch (cause) {
    throw new LightningError('INVALID_ARGUMENT', 'not a BOLT 11 payment request that can be read', { operation: 'decode', cause });
  }
}

type Route = NonNullable<Parameters<typeof invoices.createUnsignedRequest>[0]['routes']>[number];

/** The package names each hop by the node it leads to, BOLT 11 by the node it starts from. */
function toRoute(hint: readonly RouteHint[], destination: string): Route {
  const first = hint[0];
  if (first === undefined) return [];
  return [
    { public_key: first.nodeId },
    ...hint.map((hop, at) => ({
      public_key: hint[at + 1]?.nodeId ?? destination,
      channel: hop.channel,
      base_fee_mtokens: hop.baseFeeMsat.toString(),
      fee_rate: hop.feeRatePpm,
      cltv_delta: hop.cltvDelta,
    })),
  ];
}

function fromRoute(route: Route): RouteHint[] {
  const hints: RouteHint[] = [];
  for (const [at, hop] of route.entries()) {
    const from = route[at - 1];
    if (hop.channel === undefined || from === undefined) continue;
    hints.push({
      nodeId: nodeId(from.public_key),
      channel: shortChannelId(hop.channel),
      baseFeeMsat: msat(BigInt(hop.base_fee_mtokens ?? '0')),
      feeRatePpm: hop.fee_rate ?? 0,
      cltvDelta: hop.cltv_delta ?? 0,
    });
  }
  return hints;
}
