import { parsePaymentRequest } from 'ln-service';
import { msat } from '../../../core/lightning/amount.ts';
import type { Network } from '../../../core/lightning/common.ts';
import { LightningError } from '../../../core/lightning/errors.ts';
import { nodeId, paymentHash, shortChannelId } from '../../../core/lightning/identifiers.ts';
import type { DecodedInvoice } from '../../../core/lightning/payment.ts';

const NETWORKS: Readonly<Record<string, Network>> = {
  bitcoin: 'mainnet',
  testnet: 'testnet',
  signet: 'signet',
  simnet: 'simnet',
  regtest: 'regtest',
};
/** BOLT 11: what holds where field `c` is left out. */
const DEFAULT_FINAL_CLTV = 18;

/**
 * Reads a payment request here, without the node: lnd's own decoding needs a right that the invoice macaroon lacks, and
 * refuses other networks. testnet4 has testnet's prefix, so `ours` decides between the two.
 * @throws LightningError `INVALID_ARGUMENT`
 */
export function decodeInvoice(paymentRequest: string, ours: Network): DecodedInvoice {
  try {
    const parsed = parsePaymentRequest({
      request: paymentRequest
        .trim()
        .toLowerCase()
        .replace(/^lightning:/, ''),
    });
    const network = NETWORKS[parsed.network];
    if (network === undefined) throw new TypeError(`its network ${parsed.network} is none of bitcoin's`);
    return {
      paymentHash: paymentHash(parsed.id),
      payee: nodeId(parsed.destination),
      network: network === 'testnet' && ours === 'testnet4' ? 'testnet4' : network,
      amountMsat: parsed.mtokens === undefined || parsed.mtokens === '0' ? undefined : msat(BigInt(parsed.mtokens)),
      description: parsed.description_hash === undefined ? (parsed.description ?? '') : undefined,
      descriptionHash: parsed.description_hash,
      createdAt: Date.parse(parsed.created_at),
      expiresAt: Date.parse(parsed.expires_at),
      finalCltvDelta: parsed.cltv_delta ?? DEFAULT_FINAL_CLTV,
      routeHints: (parsed.routes ?? []).map(toHint),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LightningError('INVALID_ARGUMENT', `not a BOLT 11 payment request: ${reason}`, { operation: 'payments.decode' });
  }
}

type Path = NonNullable<ReturnType<typeof parsePaymentRequest>['routes']>[number];

/** ln-service lists the nodes of a hint, the first alone, each further one with the channel that leads to it. */
function toHint(path: Path): DecodedInvoice['routeHints'][number] {
  return path.slice(1).map((hop, index) => ({
    nodeId: nodeId(path[index]?.public_key ?? ''),
    channel: shortChannelId(hop.channel ?? ''),
    baseFeeMsat: msat(BigInt(hop.base_fee_mtokens ?? '0')),
    feeRatePpm: hop.fee_rate ?? 0,
    cltvDelta: hop.cltv_delta ?? 0,
  }));
}
