/**
 * The challenge in the forms that deployed clients match: LSAT's and L402's with `macaroon` first, the newest, with `token`, last
 * (bLIP 26; L402 protocol specification).
 */
export function challenge(token: string, invoice: string): readonly string[] {
  return [
    `LSAT macaroon="${token}", invoice="${invoice}"`,
    `L402 macaroon="${token}", invoice="${invoice}"`,
    `L402 version="0", token="${token}", invoice="${invoice}"`,
  ];
}
