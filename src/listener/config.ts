import { z } from 'zod';
import { type Secret, secretSchema } from '../adapters/shared/secret.ts';
import { DEFAULT_LIMITS } from '../core/tickerplant/limits.ts';
import { addressesSchema } from '../transport/shared/access/address-list.ts';
import { type TlsConfig, tlsConfigSchema } from '../transport/shared/tls/config.ts';
import { EVENT_KINDS, type EventKind } from './event.ts';

/** How a server follows a listener: `listener` of a server's config. */
export interface ListenerClientConfig {
  /** `ws://127.0.0.1:5020`, `wss://…`. */
  readonly url: string;
  /** What the listener's config has for this server. */
  readonly token: Secret;
  /** A file with the certificate, or its authority's, where the listener's is no publicly known one (PEM). */
  readonly caFile?: string | undefined;
  /** Send the token to another machine without TLS. */
  readonly allowPlain: boolean;
}

/** What stands in a config: see {@link ListenerClientConfig}. */
export type ListenerClientInput = Pick<ListenerClientConfig, 'url' | 'token'> & Partial<ListenerClientConfig>;

/** A server that follows. */
export interface ListenerServerConfig {
  readonly name: string;
  readonly token: Secret;
}

/** Where events are posted to. */
export interface WebhookConfig {
  readonly name: string;
  readonly url: string;
  /** What the signature is made with; `whsec_…` (base64) as Standard Webhooks has it, or any text. */
  readonly secret: Secret;
  readonly events: readonly EventKind[];
  /** Seconds until a post that is not answered counts as failed. */
  readonly timeoutSeconds: number;
  /** Hours after which an event that is not taken is set aside, so that those behind it get their turn. */
  readonly giveUpHours: number;
  /** Post to another machine without TLS. */
  readonly allowPlain: boolean;
}

/** The listener's own sections of its file, parsed. */
export interface ListenerConfig {
  readonly outbox: {
    readonly path: string;
    /** Events that are kept at most, though somebody has not acknowledged them. */
    readonly maxEvents: number;
  };
  readonly listen: {
    readonly host: string;
    /** 0 lets the machine choose. */
    readonly port: number;
    readonly tls?: TlsConfig | undefined;
    /** Listen beyond this machine without TLS. */
    readonly allowPlain: boolean;
    /** Addresses that may connect; undefined: all. */
    readonly allow?: readonly string[] | undefined;
    /** Connections at a time of one address, whatever they have said. Not for this machine's own. */
    readonly connectionsPerAddress: number;
    /** Who may ask `/v1/status`; nobody unless given. */
    readonly statusToken?: Secret | undefined;
  };
  readonly servers: readonly ListenerServerConfig[];
  readonly webhooks: readonly WebhookConfig[];
  readonly invoices: {
    /** Whether it is told which invoices are made, and which end unpaid. */
    readonly follow: boolean;
    /** Seconds between looks at the node's list. */
    readonly everySeconds: number;
  };
}

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name of letters, digits, dots, dashes and underscores');
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/;

/** Whether a host is this machine, and nothing that is sent there leaves it. */
export function isThisMachine(host: string): boolean {
  return LOOPBACK.test(host.toLowerCase());
}

function plainAbroad(text: string, plain: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === plain && !isThisMachine(hostname);
}

function urlOf(...protocols: readonly string[]): (text: string) => boolean {
  return (text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password } = new URL(text);
    return protocols.includes(protocol) && username === '' && password === '';
  };
}

/** The schema of {@link ListenerClientConfig}. */
export const listenerClientSchema: z.ZodType<ListenerClientConfig> = z
  .strictObject({
    url: z.string().refine(urlOf('ws:', 'wss:'), 'a URL of ws or wss without user and password in it; the token goes in `token`'),
    token: secretSchema,
    caFile: z.string().min(1).optional(),
    allowPlain: z.boolean().default(false),
  })
  .refine(({ url, allowPlain }) => allowPlain || !plainAbroad(url, 'ws:'), {
    path: ['url'],
    message: 'to another machine it goes by wss: the token could be read on the way. (allowPlain: true where a tunnel has it)',
  }) as z.ZodType<ListenerClientConfig>;

const webhookSchema = z
  .strictObject({
    name,
    url: z.string().refine(urlOf('http:', 'https:'), 'a URL of https (http to this machine) without user and password in it'),
    secret: secretSchema,
    events: z.array(z.enum(EVENT_KINDS)).min(1).default(['settled', 'duplicate']),
    timeoutSeconds: z.number().positive().max(300).default(15),
    giveUpHours: z.number().positive().max(8760).default(72),
    allowPlain: z.boolean().default(false),
  })
  .refine(({ url, allowPlain }) => allowPlain || !plainAbroad(url, 'http:'), {
    path: ['url'],
    message: 'to another machine it goes by https. (allowPlain: true where a tunnel has it)',
  });

const listenSchema = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: z.number().int().min(0).max(65_535).default(5020),
    tls: tlsConfigSchema.optional(),
    allowPlain: z.boolean().default(false),
    allow: addressesSchema.optional(),
    connectionsPerAddress: z.number().int().min(1).max(1_000_000).default(DEFAULT_LIMITS.connectionsPerAddress),
    statusToken: secretSchema.optional(),
  })
  .refine(({ host, tls, allowPlain }) => tls !== undefined || allowPlain || isThisMachine(host), {
    path: ['host'],
    message: 'beyond this machine it needs a certificate: tls: { cert, key }. (allowPlain: true where a tunnel has it)',
  })
  .refine(({ host, tls }) => tls?.generate !== true || tls.forcePublic || isThisMachine(host), {
    path: ['tls'],
    message:
      'a generated certificate is for development, on loopback (127.0.0.1): servers can not tell who made it. Give cert and key, or set forcePublic: true',
  });

/** The schema of {@link ListenerConfig}: everything of a listener's file but `backend` and `log`. */
export const listenerSchema: z.ZodType<ListenerConfig> = z
  .strictObject({
    outbox: z.strictObject({
      path: z.string().min(1),
      maxEvents: z.number().int().min(100).max(1e9).default(1_000_000),
    }),
    listen: listenSchema.prefault({}),
    servers: z.array(z.strictObject({ name, token: secretSchema })).default([]),
    webhooks: z.array(webhookSchema).default([]),
    invoices: z
      .strictObject({
        follow: z.boolean().default(true),
        everySeconds: z.number().min(0.1).max(3600).default(2),
      })
      .prefault({}),
  })
  .refine(({ servers }) => areApart(servers), { path: ['servers'], message: 'two have the same name' })
  .refine(({ webhooks }) => areApart(webhooks), { path: ['webhooks'], message: 'two have the same name' })
  .refine(({ servers, webhooks }) => servers.length + webhooks.length > 0, {
    path: ['servers'],
    message: 'nobody is told anything: name servers or webhooks',
  }) as unknown as z.ZodType<ListenerConfig>;

function areApart(named: readonly { readonly name: string }[]): boolean {
  return new Set(named.map((each) => each.name)).size === named.length;
}
