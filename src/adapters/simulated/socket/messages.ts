import { z } from 'zod';
import { LightningError, type LightningErrorCode, type Retry } from '../../../core/lightning/errors.ts';

/**
 * One line of JSON each way. A client asks a node (`call`), follows one (`follow`), asks the keeper (`control`) or gives up
 * a call or stream (`cancel`). Each is answered under its id by a result, an error, or events and an end. Amounts are decimal
 * strings of millisatoshi.
 */
export const requestSchema: z.ZodType<Request> = z.union([
  z.strictObject({ id: z.number(), node: z.string(), call: z.string(), params: z.unknown() }),
  z.strictObject({ id: z.number(), node: z.string(), follow: z.string(), params: z.unknown() }),
  z.strictObject({ id: z.number(), control: z.string(), params: z.unknown() }),
  z.strictObject({ cancel: z.number() }),
]) as z.ZodType<Request>;

/** What a client sends. */
export type Request =
  | { readonly id: number; readonly node: string; readonly call: string; readonly params: unknown }
  | { readonly id: number; readonly node: string; readonly follow: string; readonly params: unknown }
  | { readonly id: number; readonly control: string; readonly params: unknown }
  | { readonly cancel: number };

/** An error on the wire. */
export interface WireError {
  readonly code: LightningErrorCode;
  readonly message: string;
  readonly retry: Retry;
  readonly operation: string;
}

/** What the server sends; `id` is null where a request had none that could be read. */
export type Response =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number | null; readonly error: WireError }
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly end: true };

/** An error as it goes over the wire: without its cause. */
export function toWireError({ code, message, retry, operation }: LightningError): WireError {
  return { code, message, retry, operation };
}

/** An error as it comes from the wire. */
export function fromWireError({ code, message, retry, operation }: WireError): LightningError {
  return new LightningError(code, message, { operation, retry });
}
