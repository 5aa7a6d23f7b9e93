import { z } from 'zod';
import { addressesSchema } from '../shared/access/address-list.ts';
import { type TlsConfig, type TlsConfigInput, tlsConfigSchema } from '../shared/tls/config.ts';

/** A login: a user and a password, which is a secret. */
export interface KdbLogin {
  readonly user: string;
  readonly password: string;
}

/** A login that may publish. */
export interface PublisherLogin extends KdbLogin {
  /** Left out: every table. */
  readonly tables?: readonly string[] | undefined;
}

/** How the kdb+ transport listens, who may log in, and what one connection may cost. */
export interface KdbConfig {
  /** Address to listen on; loopback unless told otherwise. */
  readonly host: string;
  /** TCP port; 0 lets the machine choose. */
  readonly port: number;
  /** Speak TLS: `:tcps://` of q. */
  readonly tls?: TlsConfig | undefined;
  /** Addresses that may connect, `10.0.0.0/8`. Left out: all. */
  readonly allow?: readonly string[] | undefined;
  /**
   * Who may log in as a buyer. Left out: anybody, with any user and password, as nothing is given without payment. Given:
   * only these, publishers, and whoever has a token of ours as the password.
   */
  readonly users?: readonly KdbLogin[] | undefined;
  /** Who may publish with `upd` and `.u.upd`. Left out: nobody, but whoever has a publisher's token as the password. Their user names are taken: a wrong password is refused. */
  readonly publishers: readonly PublisherLogin[];
  /** Longest message taken from a buyer, bytes. A longer one ends the connection. */
  readonly maxMessageBytes: number;
  /** Longest message taken from a publisher, bytes. */
  readonly maxPublishBytes: number;
  /** Most bytes that a compressed message may inflate to; never less than the length of one that is not. */
  readonly maxInflatedBytes: number;
  /** Most bytes that wait for one connection's socket; more end that connection. */
  readonly maxBufferedBytes: number;
  /** Connections at a time; more are closed at once. Left out: no limit but the machine's. */
  readonly maxConnections?: number | undefined;
  /** Seconds that a connection is given to log in. */
  readonly loginTimeoutSeconds: number;
}

/** What stands in a config file: everything may be left out. */
export type KdbConfigInput = { readonly [Field in Exclude<keyof KdbConfig, 'tls'>]?: KdbConfig[Field] | undefined } & {
  readonly tls?: TlsConfigInput | undefined;
};

const KIB = 1024;
const MIB = 1024 * KIB;
const SHORTEST_PASSWORD = 8;
/** A replay hands over a quarter of a MiB of the journal at a time, which may be eight times as much here, when half of it is free. */
const LEAST_BUFFER = 4 * MIB;

const LOGIN = {
  user: z
    .string()
    .min(1)
    .regex(/^[^:\0]*$/, 'a user name can hold no colon'),
  password: z
    .string()
    .min(SHORTEST_PASSWORD, `a password has at least ${SHORTEST_PASSWORD} characters`)
    .regex(/^[^\0]*$/, 'a password can hold no NUL'),
};
const loginSchema: z.ZodType<KdbLogin, KdbLogin> = z.strictObject(LOGIN);
const publisherSchema: z.ZodType<PublisherLogin, PublisherLogin> = z.strictObject({
  ...LOGIN,
  tables: z.array(z.string().min(1)).min(1).readonly().optional(),
});

function onceEach(logins: readonly KdbLogin[], context: z.RefinementCtx): void {
  const twice = logins.find(({ user }, index) => logins.findIndex((other) => other.user === user) !== index);
  if (twice !== undefined) context.addIssue({ code: 'custom', message: `the user ${JSON.stringify(twice.user)} is there twice` });
}

/** The config's schema, `transports.kdb`. A name that it doesn't know is an error. */
export const kdbConfigSchema: z.ZodType<KdbConfig, KdbConfigInput> = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: z.number().int().min(0).max(65_535).default(5011),
    tls: tlsConfigSchema.optional(),
    allow: addressesSchema.optional(),
    users: z.array(loginSchema).readonly().superRefine(onceEach).optional(),
    publishers: z.array(publisherSchema).readonly().superRefine(onceEach).default([]),
    maxMessageBytes: z
      .number()
      .int()
      .min(KIB)
      .max(16 * MIB)
      .default(256 * KIB),
    maxPublishBytes: z
      .number()
      .int()
      .min(KIB)
      .max(1024 * MIB)
      .default(64 * MIB),
    maxInflatedBytes: z
      .number()
      .int()
      .min(KIB)
      .max(1024 * MIB)
      .default(MIB),
    maxBufferedBytes: z
      .number()
      .int()
      .min(LEAST_BUFFER)
      .default(2 * LEAST_BUFFER),
    maxConnections: z.number().int().min(1).optional(),
    loginTimeoutSeconds: z.number().positive().max(60).default(5),
  })
  .superRefine(({ users, publishers }, context) => {
    const both = publishers.find(({ user }) => users?.some((other) => other.user === user));
    if (both === undefined) return;
    const message = `the user ${JSON.stringify(both.user)} is a publisher too; give the buyer another name`;
    context.addIssue({ code: 'custom', path: ['users'], message });
  });
