import { z } from 'zod';
import { addressesSchema, trustProxySchema } from '../shared/access/address-list.ts';
import { type TlsConfig, type TlsConfigInput, tlsConfigSchema } from '../shared/tls/config.ts';

/** How the WebSocket transport listens, and what one connection may cost. */
export interface WebsocketConfig {
  /** Address to listen on; loopback unless told otherwise. Not used with a server of the embedder's. */
  readonly host: string;
  /** TCP port; 0 lets the machine choose. Not used with a server of the embedder's. */
  readonly port: number;
  /** Speak TLS: `wss://`. Not used with a server of the embedder's. */
  readonly tls?: TlsConfig | undefined;
  /** Addresses that may connect, `10.0.0.0/8`. Left out: all. */
  readonly allow?: readonly string[] | undefined;
  /** The only path that is answered, `/ticks`. Left out: any path, and `/` with a server of the embedder's. */
  readonly path?: string | undefined;
  /** Longest message taken from a buyer, bytes. A longer one ends the connection with 1009. */
  readonly maxMessageBytes: number;
  /** Longest message taken from a publisher, bytes. */
  readonly maxPublishBytes: number;
  /** Most bytes that wait for one connection's socket; more ends that connection with 1013 (RFC 6455, IANA close codes). */
  readonly maxBufferedBytes: number;
  /** Connections at a time; more are refused with HTTP status 503. Left out: no limit but the machine's. */
  readonly maxConnections?: number | undefined;
  /** Seconds between heartbeats. A connection that has let two of them go unanswered is ended. */
  readonly heartbeatSeconds: number;
  /** Offer permessage-deflate (RFC 7692). Costs a compression per message and connection: rows are then no longer shared. */
  readonly compression: boolean;
  /** Most symbols that one request may name; `"*"` counts as none. */
  readonly maxSymbolsPerMessage: number;
  /** Most requests of one connection that are being answered at a time. */
  readonly maxRequestsInFlight: number;
  /** Seconds that a connection is given to answer our close; then its socket is destroyed. */
  readonly closeTimeoutSeconds: number;
  /**
   * Origins of web pages that may connect, `https://example.com`. Left out: any. That is safe here, unlike where a cookie
   * logs a browser in: the credential is a token inside the messages, and a foreign page does not have it.
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Proxies of our own: what they write into `X-Forwarded-For` is taken for the buyer's address, for limits and for `allow`. `true`: one on
   * this machine. Of anybody else it is not believed, since anybody can write what they like there.
   */
  readonly trustProxy: boolean | readonly string[];
}

/** What stands in a config file: everything may be left out. */
export type WebsocketConfigInput = { readonly [Field in Exclude<keyof WebsocketConfig, 'tls'>]?: WebsocketConfig[Field] | undefined } & {
  readonly tls?: TlsConfigInput | undefined;
};

const KIB = 1024;
const LONGEST_MESSAGE = 16 * KIB * KIB;

/** The config's schema, `transports.websocket`. A name that it doesn't know is an error. */
export const websocketConfigSchema: z.ZodType<WebsocketConfig, WebsocketConfigInput> = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.number().int().min(0).max(65_535).default(5010),
  tls: tlsConfigSchema.optional(),
  allow: addressesSchema.optional(),
  path: z
    .string()
    .regex(/^\/[^?#\s]*$/, 'must begin with / and have no query')
    .optional(),
  maxMessageBytes: z
    .number()
    .int()
    .min(KIB)
    .max(LONGEST_MESSAGE)
    .default(64 * KIB),
  maxPublishBytes: z.number().int().min(KIB).max(LONGEST_MESSAGE).default(LONGEST_MESSAGE),
  maxBufferedBytes: z
    .number()
    .int()
    .min(KIB)
    .default(2 * KIB * KIB),
  maxConnections: z.number().int().min(1).optional(),
  heartbeatSeconds: z.number().positive().max(3600).default(15),
  compression: z.boolean().default(false),
  maxSymbolsPerMessage: z.number().int().min(1).default(5_000),
  maxRequestsInFlight: z.number().int().min(1).default(32),
  closeTimeoutSeconds: z.number().positive().max(60).default(5),
  allowedOrigins: z.array(z.string().min(1)).readonly().optional(),
  trustProxy: trustProxySchema.default(false),
});
