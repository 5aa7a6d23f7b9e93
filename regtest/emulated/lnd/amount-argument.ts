import { GrpcFailure } from './grpc-failure.ts';

/** An amount that a request may give in satoshi or in millisatoshi, in millisatoshi; 0 where it gives none. @throws GrpcFailure */
export function amountArgument(sat: string, msat: string): bigint {
  const [whole, exact] = [BigInt(sat), BigInt(msat)];
  if (whole !== 0n && exact !== 0n) throw new GrpcFailure('sat and msat arguments are mutually exclusive');
  if (whole < 0n || exact < 0n) throw new GrpcFailure('amount cannot be negative');
  return whole === 0n ? exact : whole * 1000n;
}
