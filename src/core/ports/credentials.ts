import type { PaymentHash } from '../lightning/identifiers.ts';

/** What a token says of itself before it is verified. */
export interface TokenIdentifier {
  readonly paymentHash: PaymentHash;
  /** 64 hex digits; names the subscription's credential. */
  readonly tokenId: string;
}

/** Makes and checks the buyers' tokens: L402 macaroons. */
export interface Credentials {
  /** A token for a subscription and one of its quotes. `rootKey`: 64 hex digits, a secret of the ledger's. */
  mint(identifier: TokenIdentifier, rootKey: string): string;
  /** Reads whose token it is. @throws TickerplantError `BAD_TOKEN`. */
  identify(token: string): TokenIdentifier;
  /**
   * Checks signature and caveats. Answers until when its caveats let it be used, milliseconds since 1970; undefined where they don't say.
   * @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED`.
   */
  verify(token: string, rootKey: string, now: number): number | undefined;
}
