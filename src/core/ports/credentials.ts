import type { PaymentHash } from '../lightning/identifiers.ts';

/** What a token says of itself before it is verified. */
export interface TokenIdentifier {
  readonly paymentHash: PaymentHash;
  /** 64 hex digits; names the subscription's credential. */
  readonly tokenId: string;
}

/** What a token is good for, as far as its caveats say. */
export interface TokenReach {
  /** Somebody has added caveats: its bearer must not be given the whole token. */
  readonly narrowed: boolean;
  /** Until when it is good, milliseconds since 1970; undefined where no caveat says. */
  readonly until: number | undefined;
}

/** Makes and checks the tokens of devices: macaroons, with what a device may do in their caveats. */
export interface DeviceCredentials {
  /** A token. `rootKey`: 64 hex digits, a secret of the ledger's. */
  mint(device: string, rootKey: string, caveats: readonly string[]): string;
  /** Reads whose token it is. @throws TickerplantError `BAD_TOKEN`. */
  identify(token: string): string;
  /** Checks the signature; answers the caveats, the seller's own and those that were added since. @throws TickerplantError `BAD_TOKEN`. */
  verify(token: string, rootKey: string): readonly string[];
}

/** Makes and checks the buyers' tokens: L402 macaroons. */
export interface Credentials {
  /** A token for a subscription and one of its quotes. `rootKey`: 64 hex digits, a secret of the ledger's. */
  mint(identifier: TokenIdentifier, rootKey: string): string;
  /** Reads whose token it is. @throws TickerplantError `BAD_TOKEN`. */
  identify(token: string): TokenIdentifier;
  /** Checks signature and caveats; answers what the caveats leave. @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED`. */
  verify(token: string, rootKey: string, now: number): TokenReach;
}
