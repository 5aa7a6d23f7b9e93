import { z } from 'zod';

/** How a transport proves who it is and keeps what is said to itself: certificate files, or a certificate made here for development. */
export interface TlsConfig {
  /** The certificate in PEM, with those between it and the root behind it (certbot's `fullchain.pem`). */
  readonly cert?: string | undefined;
  /** Its key in PEM, without a password. */
  readonly key?: string | undefined;
  /** Certificates between `cert` and the root, where `cert` has not all of them. */
  readonly ca?: string | undefined;
  /** Make a certificate and keep it in `dir`. Nobody has signed it but itself: clients must be given the file. */
  readonly generate: boolean;
  /** Where a generated certificate is kept. */
  readonly dir: string;
  /** Names and addresses beside this machine's own that a generated certificate is for. */
  readonly names: readonly string[];
  /** Use a generated certificate beyond loopback. */
  readonly forcePublic: boolean;
  /** The oldest version that is spoken. 1.0 and 1.1 are not offered (RFC 8996). */
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** How often the files are looked at; a renewed certificate holds for new connections, those there are go on. */
  readonly reloadSeconds: number;
}

/** What stands in a config file. */
export type TlsConfigInput = 'generate' | { readonly [Field in keyof TlsConfig]?: TlsConfig[Field] | undefined };

const path = z.string().min(1);

/** The schema of `tls` in a transport's section: `{ cert, key, ca }`, or `generate`. */
export const tlsConfigSchema: z.ZodType<TlsConfig, TlsConfigInput> = z.preprocess(
  (value) => (value === 'generate' ? { generate: true } : value),
  z
    .strictObject({
      cert: path.optional(),
      key: path.optional(),
      ca: path.optional(),
      generate: z.boolean().default(false),
      dir: path.default('data/tls'),
      names: z
        .array(z.string().regex(/^[A-Za-z0-9.:*-]+$/, 'a name of a machine or an address'))
        .readonly()
        .default([]),
      forcePublic: z.boolean().default(false),
      minVersion: z.enum(['TLSv1.2', 'TLSv1.3'], 'TLSv1.2 or TLSv1.3').default('TLSv1.2'),
      reloadSeconds: z.number().positive().max(86_400).default(10),
    })
    .superRefine(({ cert, key, ca, generate }, context) => {
      const issue = (message: string) => context.addIssue({ code: 'custom', message });
      if (generate && (cert ?? key ?? ca) !== undefined) issue('either cert and key, or generate');
      else if (!generate && (cert === undefined || key === undefined))
        issue('needs cert and key, files in PEM; for development, tls: generate makes them');
    }),
) as z.ZodType<TlsConfig, TlsConfigInput>;
