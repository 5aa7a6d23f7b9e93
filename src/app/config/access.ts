import { z } from 'zod';
import { addressesSchema } from '../../transport/shared/access/address-list.ts';
import type { OperatorRole } from '../../transport/shared/access/operators.ts';

/** A token of an operator's as it stands in a config or in the file of tokens: its hash, or the token itself, or a file that holds it. */
export interface AccessTokenConfig {
  readonly name: string;
  readonly role: OperatorRole;
  /** `sha256:` and 64 hex digits, as `tickerplant access token` prints it. */
  readonly hash?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly tables?: readonly string[] | undefined;
  /** A date or time, ISO 8601. */
  readonly expires?: string | undefined;
  readonly from?: readonly string[] | undefined;
}

/** Who may do what buyers may not. */
export interface AccessConfig {
  readonly tokens: readonly AccessTokenConfig[];
  /** More tokens, kept by `tickerplant access`; read again when it changes. `false`: none. */
  readonly tokensFile: string | false;
  /** Where a role may be used from. */
  readonly from: Readonly<Partial<Record<OperatorRole, readonly string[]>>>;
  /** Take operators' credentials over connections that are not encrypted, from other machines too. */
  readonly plainText: boolean;
}

/** What stands in a config. */
export type AccessInput = { readonly [Field in keyof AccessConfig]?: AccessConfig[Field] };

/** Shorter ones can be guessed, or at least tried. */
const SHORTEST_TOKEN = 24;
const HASH = /^sha256:[0-9a-f]{64}$/;

const tokenSchema: z.ZodType<AccessTokenConfig> = z
  .strictObject({
    name: z.string().regex(/^[\w.@-]{1,64}$/, 'a name is letters, digits, and . _ @ -'),
    role: z.enum(['publisher', 'admin', 'metrics'], 'publisher, admin or metrics'),
    hash: z.string().regex(HASH, 'sha256: and 64 hex digits, as tickerplant access token prints it').optional(),
    token: z.string().min(SHORTEST_TOKEN, `a token has at least ${SHORTEST_TOKEN} characters`).optional(),
    tokenFile: z.string().min(1).optional(),
    tables: z.array(z.string().min(1)).min(1).readonly().optional(),
    expires: z
      .string()
      .refine((text) => /^\d{4}-\d{2}-\d{2}(?:T.+)?$/.test(text) && !Number.isNaN(Date.parse(text)), 'a date, 2027-01-31, or a time')
      .optional(),
    from: addressesSchema.optional(),
  })
  .superRefine(({ hash, token, tokenFile, role, tables }, context) => {
    const issue = (message: string) => context.addIssue({ code: 'custom', message });
    if ([hash, token, tokenFile].filter((each) => each !== undefined).length !== 1) issue('needs one of hash, token and tokenFile');
    if (tables !== undefined && role !== 'publisher') issue('tables are for publishers');
  });

/** The schema of a list of tokens, in a config and in the file of tokens. */
export const accessTokensSchema: z.ZodType<readonly AccessTokenConfig[]> = z
  .array(tokenSchema)
  .readonly()
  .superRefine((tokens, context) => {
    const twice = tokens.find(({ name }, index) => tokens.findIndex((other) => other.name === name) !== index);
    if (twice !== undefined) context.addIssue({ code: 'custom', message: `there are two tokens called ${twice.name}` });
  });

/** The schema of `access`. */
export const accessSchema: z.ZodType<AccessConfig> = z
  .strictObject({
    tokens: accessTokensSchema.default([]),
    tokensFile: z.union([z.literal(false), z.string().min(1)], 'a file, or false').default(false),
    from: z
      .strictObject({
        publisher: addressesSchema.optional(),
        admin: addressesSchema.default(['loopback']),
        metrics: addressesSchema.optional(),
      })
      .prefault({}),
    plainText: z.boolean().default(false),
  })
  .prefault({}) as z.ZodType<AccessConfig>;
