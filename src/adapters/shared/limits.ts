import { Buffer } from 'node:buffer';
import { type Msat, toSatExact } from '../../core/lightning/amount.ts';
import type { PageRequest } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import { type CreateInvoice, MAX_DESCRIPTION_BYTES } from '../../core/lightning/invoice.ts';

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

/** How many items a page has. @throws LightningError `INVALID_ARGUMENT`. */
export function pageLimit(request: PageRequest, operation: string): number {
  const limit = request.limit ?? DEFAULT_PAGE;
  if (!Number.isSafeInteger(limit) || limit < 1) throw invalid(operation, 'the limit of a page is a whole number above zero');
  return Math.min(limit, LARGEST_PAGE);
}

/** The number of a page's position after a prefix, as we gave it. @throws LightningError `INVALID_ARGUMENT`. */
export function pagePosition(after: string | undefined, operation: string): number {
  if (after === undefined) return 0;
  if (!/^\d{1,15}$/.test(after)) throw invalid(operation, 'not a position that a page was given with');
  return Number(after);
}

/** What no node needs to be asked about. @throws LightningError `INVALID_ARGUMENT`. */
export function checkInvoiceRequest(request: CreateInvoice): void {
  const operation = 'invoices.create';
  if (!Number.isSafeInteger(request.expirySeconds) || request.expirySeconds < 1) {
    throw invalid(operation, 'the expiry of an invoice is a whole number of seconds above zero');
  }
  if (request.amountMsat !== 'any' && request.amountMsat < 1n) {
    throw invalid(operation, "an invoice asks for at least 1 msat, or for 'any'");
  }
  const { description } = request;
  if (typeof description === 'string') {
    const bytes = Buffer.byteLength(description, 'utf8');
    if (bytes > MAX_DESCRIPTION_BYTES)
      throw invalid(operation, `the description has ${bytes} bytes, ${MAX_DESCRIPTION_BYTES} fit (BOLT 11)`);
  } else if (!/^[0-9a-fA-F]{64}$/.test(description.sha256)) {
    throw invalid(operation, 'the hash of a description is 64 hex digits');
  }
  if (request.hold !== undefined && request.preimage !== undefined) {
    throw invalid(operation, 'a hold invoice has no preimage of the caller');
  }
  if (request.label === '') throw invalid(operation, 'a label is not empty');
}

/** Whole satoshi of an on-chain amount, as a number for the wire. @throws LightningError `INVALID_ARGUMENT`. */
export function wholeSat(amount: Msat, what: string, operation: string): number {
  try {
    return Number(toSatExact(amount));
  } catch {
    throw invalid(operation, `${what} is a whole number of satoshi`);
  }
}

/** A fee rate as a caller may give it. @throws LightningError `INVALID_ARGUMENT`. */
export function checkFeeRate(rate: number | undefined, operation: string): void {
  if (rate !== undefined && !(Number.isFinite(rate) && rate > 0)) throw invalid(operation, 'a fee rate is a number of sat/vB above zero');
}

/** The error of an argument that can't be meant. */
export function invalid(operation: string, message: string): LightningError {
  return new LightningError('INVALID_ARGUMENT', message, { operation });
}

/** The error of something that the backend can't do. */
export function unsupported(operation: string, message: string): LightningError {
  return new LightningError('UNSUPPORTED', message, { operation });
}
