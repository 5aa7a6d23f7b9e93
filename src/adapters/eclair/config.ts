import { z } from 'zod';
import type { Network } from '../../core/lightning/common.ts';
import { networkSchema } from '../shared/network.ts';
import { type Secret, secretSchema } from '../shared/secret.ts';

/** What stands in a file; see {@link EclairConfig}. */
export interface EclairConfigInput {
  readonly kind: 'eclair';
  readonly url?: string;
  readonly password?: Secret;
  readonly eclairDir?: string;
  readonly network?: string;
}

/** An eclair config, parsed. */
export interface EclairConfig {
  readonly kind: 'eclair';
  /** Where its HTTP API is. Left out: on this machine, at the port that `eclair.conf` says, else 8080. */
  readonly url?: string | undefined;
  /** The API's password. Left out: the one in `eclair.conf`. */
  readonly password?: Secret | undefined;
  /** eclair's own folder, whose `eclair.conf` is read for what is left out. */
  readonly eclairDir: string;
  /** The network the node must be on; any unless given. */
  readonly network?: Network | undefined;
}

/** The config of an eclair node, reached by its HTTP API and WebSocket. */
export const eclairConfigSchema: z.ZodType<EclairConfig, EclairConfigInput> = z.strictObject({
  kind: z.literal('eclair'),
  url: z
    .string()
    .refine((text) => isPlainUrl(text), 'a URL of http or https without a user and password in it; the password goes in `password`')
    .optional(),
  password: secretSchema.optional(),
  eclairDir: z.string().min(1).default('~/.eclair'),
  network: networkSchema.optional(),
}) as z.ZodType<EclairConfig, EclairConfigInput>;

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
}
