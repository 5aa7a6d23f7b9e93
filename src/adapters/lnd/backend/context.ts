import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { CallOptions, Network, PageRequest } from '../../../core/lightning/common.ts';
import { LightningError } from '../../../core/lightning/errors.ts';
import type { AdapterDependencies } from '../../shared/definition.ts';
import type { LndCaller } from '../client/client.ts';

/** What the services of one backend share. */
export interface LndContext extends AdapterDependencies {
  readonly client: LndCaller;
  readonly network: Network;
  readonly identity: (options?: CallOptions) => Promise<NodeIdentity>;
}

const DEFAULT_LIMIT = 100;
const MOST = 1_000;

/** A page request in lnd's terms: how many after which index. @throws LightningError `INVALID_ARGUMENT`. */
export function toRange(request: PageRequest, operation: string): { readonly offset: bigint; readonly limit: number } {
  const { after, limit = DEFAULT_LIMIT } = request;
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new LightningError('INVALID_ARGUMENT', 'the limit is not a whole number above 0', { operation });
  if (after !== undefined && !/^\d{1,19}$/.test(after))
    throw new LightningError('INVALID_ARGUMENT', 'this is not a position in such a list', { operation });
  return { offset: BigInt(after ?? '0'), limit: Math.min(limit, MOST) };
}
