import { resolve } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../core/ports/clock.ts';
import { LedgerError } from '../../core/ports/ledger.ts';
import { type Logger, silentLogger } from '../../core/ports/logger.ts';
import type { PurchaseCounts, PurchaseRecord, PurchaseRefund, Purchases } from '../../core/ports/purchases.ts';
import { openSqlitePurchases, type SqlitePurchases } from '../../storage/purchases/sqlite-purchases.ts';
import { askServer } from '../maintenance/control-client.ts';
import { openControlSocket } from '../maintenance/control-socket.ts';
import { systemClock } from '../system.ts';

/** What a store does for its owner, also while it sells. */
export type PurchasesRequest =
  | { readonly op: 'purchases'; readonly limit: number }
  | { readonly op: 'refunds' }
  | { readonly op: 'refund-done'; readonly id: string };

/** As programs read it: amounts are decimal strings of msat, times milliseconds since 1970. */
type Written<T> = { readonly [Field in keyof T]: T[Field] extends bigint ? string : T[Field] };

/** A purchase without what is the buyer's and the store's own. */
export type ListedPurchase = Written<
  Pick<PurchaseRecord, 'id' | 'item' | 'title' | 'state' | 'amountMsat' | 'delivered' | 'deliveries' | 'createdAt'>
>;

/** What is asked for, by request. */
export interface PurchasesAnswers {
  readonly purchases: { readonly counts: Written<PurchaseCounts>; readonly purchases: readonly ListedPurchase[] };
  readonly refunds: { readonly refunds: readonly Written<PurchaseRefund>[] };
  readonly 'refund-done': { readonly done: boolean };
}

const requestSchema: z.ZodType<PurchasesRequest> = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('purchases'), limit: z.number().int().positive() }),
  z.strictObject({ op: z.literal('refunds') }),
  z.strictObject({ op: z.literal('refund-done'), id: z.string().max(64) }),
]);

/** Lets the machine's owner look into the purchases of a store that runs. */
export async function serveOwner({ purchases, path }: SqlitePurchases, clock: Clock, logger: Logger): Promise<AsyncDisposable> {
  const handle = async (raw: unknown) => {
    const request = requestSchema.parse(raw);
    const answer = await answerTo(request, purchases, clock);
    if ('done' in answer && answer['done'] === true) logger.info(request, 'store: a refund was noted as given');
    return answer;
  };
  return await openControlSocket(path, handle, logger);
}

/**
 * Asks for something of a store's database: here where nobody has it open, else whoever sells from it. It must be there. `path`: the file, absolute.
 * @throws LedgerError `LOCKED` where a process has it that takes no such request, `CORRUPT`, `NEWER`, `IO`.
 */
export async function askPurchases<R extends PurchasesRequest>(
  file: string,
  request: R,
): Promise<PurchasesAnswers[R['op']] & { readonly path: string }> {
  const path = resolve(file);
  return { ...((await byOwner(path, request)) as unknown as PurchasesAnswers[R['op']]), path };
}

async function byOwner(path: string, request: PurchasesRequest): Promise<Readonly<Record<string, unknown>>> {
  let opened: SqlitePurchases;
  try {
    opened = await openSqlitePurchases({ path, logger: silentLogger });
  } catch (error) {
    if (!(error instanceof LedgerError && error.code === 'LOCKED')) throw error;
    const answer = await askServer(path, request);
    if (answer === undefined) throw error;
    return answer;
  }
  try {
    return await answerTo(request, opened.purchases, systemClock);
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

async function answerTo(request: PurchasesRequest, purchases: Purchases, clock: Clock): Promise<Readonly<Record<string, unknown>>> {
  switch (request.op) {
    case 'purchases': {
      const [found, counts] = await Promise.all([purchases.list({ limit: request.limit }), purchases.counts()]);
      const listed = found.map(({ rootKey: _, linkDigest: __, snapshot: ___, paymentRequest: ____, node: _____, ...purchase }) => purchase);
      return written({ counts, purchases: listed });
    }
    case 'refunds':
      return written({ refunds: await purchases.refunds() });
    case 'refund-done':
      return { done: await purchases.refundDone(request.id, clock.now()) };
  }
}

function written(value: object): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(value, (_key, each) => (typeof each === 'bigint' ? String(each) : each)));
}
