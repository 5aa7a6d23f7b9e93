/** Randomness, handed in: cryptographic in life, seeded in tests and simulations. */
export interface Random {
  /** So many fresh random bytes. */
  bytes(length: number): Uint8Array;
}
