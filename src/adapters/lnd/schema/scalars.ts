import { z } from 'zod';

/** lnd's 64-bit whole numbers, which gRPC hands over as decimal text. */
export const int64: z.ZodType<bigint> = z
  .string()
  .regex(/^-?\d{1,20}$/)
  .transform(BigInt);

/** lnd's 64-bit numbers where text or number may come, read as a number that is exact. */
export const seconds: z.ZodType<number> = z
  .string()
  .regex(/^-?\d{1,15}$/)
  .transform(Number);

/** Bytes as hex. */
export const hex: z.ZodType<string> = z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString('hex'));

/** Bytes as they are. */
export const bytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);
