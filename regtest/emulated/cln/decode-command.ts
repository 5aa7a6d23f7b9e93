import { readInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import { readInvoiceText } from '../shared/invoice-text.ts';
import { type Command, command } from './command.ts';
import { seconds } from './context.ts';
import { badParameter } from './refusal.ts';

/** `decode`, of BOLT 11 invoices. */
export function decodeCommand(): Command {
  return command('string', (params) => {
    const string = params.text('string');
    const invoice = read(string);
    const text = readInvoiceText(string.trim().replace(/^lightning:/i, ''));
    return {
      type: 'bolt11 invoice',
      currency: text.prefix.slice(2),
      created_at: seconds(invoice.createdAt),
      expiry: seconds(invoice.expiresAt) - seconds(invoice.createdAt),
      payee: invoice.payee,
      amount_msat: invoice.amountMsat,
      description: invoice.description,
      description_hash: invoice.descriptionHash,
      min_final_cltv_expiry: invoice.finalCltvDelta,
      payment_secret: invoice.paymentSecret,
      features: text.features.length === 0 ? undefined : text.featuresHex,
      routes:
        invoice.routeHints.length === 0
          ? undefined
          : invoice.routeHints.map((route) =>
              route.map((hop) => ({
                pubkey: hop.nodeId,
                short_channel_id: hop.channel,
                fee_base_msat: hop.baseFeeMsat,
                fee_proportional_millionths: hop.feeRatePpm,
                cltv_expiry_delta: hop.cltvDelta,
              })),
            ),
      payment_hash: invoice.paymentHash,
      signature: text.signatureDer,
      valid: true,
    };
  });
}

function read(string: string): ReturnType<typeof readInvoice> {
  try {
    return readInvoice(string);
  } catch {
    throw badParameter('string', 'Bad bech32 string', string);
  }
}
