/** What we use of the package `macaroon`, which brings no types. */
declare module 'macaroon' {
  export interface Caveat {
    readonly identifier: Uint8Array;
    /** Third-party caveats only. */
    readonly location?: string;
    /** Third-party caveats only. */
    readonly vid?: Uint8Array;
  }

  export interface Macaroon {
    readonly identifier: Uint8Array;
    readonly location: string | null;
    readonly signature: Uint8Array;
    readonly caveats: readonly Caveat[];
    addFirstPartyCaveat(condition: string | Uint8Array): void;
    verify(rootKey: Uint8Array, check: (condition: string) => string | null): void;
    exportBinary(): Uint8Array;
  }

  export function newMacaroon(options: { identifier: Uint8Array; rootKey: Uint8Array; location?: string; version?: 2 }): Macaroon;
  export function importMacaroon(binary: Uint8Array): Macaroon;
}
