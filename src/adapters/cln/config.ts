import { z } from 'zod';
import type { Network } from '../../core/lightning/common.ts';
import { networkSchema } from '../shared/network.ts';

/** The config of a Core Lightning node, reached by its unix socket. */
export const clnConfigSchema: z.ZodType<ClnConfig, ClnConfigInput> = z.strictObject({
  kind: z.literal('cln'),
  lightningDir: z.string().min(1).default('~/.lightning'),
  network: networkSchema.optional(),
  socket: z.string().min(1).optional(),
}) as z.ZodType<ClnConfig, ClnConfigInput>;

/** What stands in a file; see {@link ClnConfig}. */
export interface ClnConfigInput {
  readonly kind: 'cln';
  readonly lightningDir?: string;
  readonly network?: string;
  readonly socket?: string;
}

/** A Core Lightning config, parsed. */
export interface ClnConfig {
  readonly kind: 'cln';
  /** lightningd's own folder; the socket is `<lightningDir>/<network>/lightning-rpc`. */
  readonly lightningDir: string;
  /** The network the node must be on. Left out: mainnet's folder, or with `socket` whatever the node is on. */
  readonly network?: Network | undefined;
  /** The socket's path, instead of a folder. */
  readonly socket?: string | undefined;
}
