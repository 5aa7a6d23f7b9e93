import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { SubscriptionName } from '../../core/ports/ledger-upkeep.ts';

/** A request, one line of JSON each; the answer is one line, too. */
export const controlRequestSchema: z.ZodType<ControlRequest> = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('status') }),
  z.strictObject({
    op: z.literal('backup'),
    target: z.string().refine((path) => isAbsolute(path), 'an absolute path'),
    overwrite: z.boolean(),
  }),
  z.strictObject({
    op: z.literal('revoke'),
    name: z.union([z.strictObject({ subscription: z.string() }), z.strictObject({ tokenId: z.string() })]),
  }),
  z.strictObject({
    op: z.literal('device-add'),
    id: z.string().regex(/^[0-9a-f]{32}$/),
    name: z.string().min(1).max(64),
    rootKey: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  z.strictObject({ op: z.literal('device-revoke'), device: z.string().max(64) }),
  z.strictObject({ op: z.literal('devices') }),
  z.strictObject({ op: z.literal('refunds') }),
  z.strictObject({ op: z.literal('refund-done'), id: z.string().max(64) }),
]);

/** What a server does for its owner while it runs. */
export type ControlRequest =
  | { readonly op: 'status' | 'refunds' | 'devices' }
  | { readonly op: 'device-add'; readonly id: string; readonly name: string; readonly rootKey: string }
  | { readonly op: 'device-revoke'; readonly device: string }
  | { readonly op: 'backup'; readonly target: string; readonly overwrite: boolean }
  | { readonly op: 'refund-done'; readonly id: string }
  | { readonly op: 'revoke'; readonly name: SubscriptionName };
