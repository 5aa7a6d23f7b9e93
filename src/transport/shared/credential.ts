import type { IncomingMessage } from 'node:http';
import { hashOfPreimage, type PaymentHash, preimage } from '../../core/lightning/identifiers.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';

/** What a request brought to show that it may. Both are secrets of the buyer's. */
export interface Credential {
  readonly token: string;
  /** 64 lower-case hex digits; undefined where the token came alone. */
  readonly preimage: string | undefined;
}

const SCHEME = /^(L402|LSAT|Bearer)[ \t]+(.+)$/i;
const MACAROON = /^[A-Za-z0-9+/_-]+={0,2}$/;
const PREIMAGE = /^[0-9a-fA-F]{64}$/;
/** Where clients of aperture's put a macaroon in hex, the preimage in a caveat. */
const HEX_HEADERS = ['grpc-metadata-macaroon', 'macaroon'] as const;

/**
 * The credential of a request: `Authorization: L402 <macaroon>:<preimage>`, or `LSAT`, in any case of letters; several macaroons with
 * commas between, of which ours is the first; the token alone, also as `Bearer`; the same in several `Authorization` headers, of which
 * the first that is of these schemes counts; `Grpc-Metadata-Macaroon` and `Macaroon` in hex. Undefined where there is none.
 * @throws TickerplantError `BAD_TOKEN` where there is one that can't be read; the message never repeats it.
 */
export function credentialOf(request: IncomingMessage): Credential | undefined {
  // `headers.authorization` would be the first of several only.
  for (const value of request.headersDistinct['authorization'] ?? []) {
    const match = SCHEME.exec(value.trim());
    if (match !== null) return parse(match[2] ?? '');
  }
  for (const name of HEX_HEADERS) {
    const [hex] = request.headersDistinct[name] ?? [];
    if (hex === undefined) continue;
    if (!/^(?:[0-9a-fA-F]{2})+$/.test(hex)) throw bad(`the header ${name} is not hex`);
    return { token: Buffer.from(hex, 'hex').toString('base64'), preimage: undefined };
  }
  return undefined;
}

/**
 * Whether a credential proves its payment. False where it came without a preimage.
 * @throws TickerplantError `BAD_TOKEN` where the preimage is of another invoice.
 */
export function provesPayment(credential: Credential, holder: { readonly paymentHash: PaymentHash }): boolean {
  if (credential.preimage === undefined) return false;
  if (hashOfPreimage(preimage(credential.preimage)) !== holder.paymentHash) throw bad('the preimage is not of its invoice');
  return true;
}

function parse(text: string): Credential {
  const colon = text.indexOf(':');
  const [token = ''] = (colon < 0 ? text : text.slice(0, colon)).split(',').map((each) => each.trim());
  if (!MACAROON.test(token)) throw bad('its macaroon is not base64');
  if (colon < 0) return { token, preimage: undefined };
  const proof = text.slice(colon + 1).trim();
  if (!PREIMAGE.test(proof)) throw bad('its preimage is not 64 hex digits');
  return { token, preimage: proof.toLowerCase() };
}

function bad(why: string): TickerplantError {
  return new TickerplantError('BAD_TOKEN', `this credential can not be read: ${why}; it is L402 <macaroon>:<preimage>`);
}
