import { z } from 'zod';
import { addressesSchema, trustProxySchema } from '../shared/access/address-list.ts';
import { type TlsConfig, type TlsConfigInput, tlsConfigSchema } from '../shared/tls/config.ts';

/** Where metrics are to be had: never by buyers. A port of their own, or a token, or both. */
export interface MetricsConfig {
  /** Address of the port of their own; loopback unless told otherwise, and beyond it only with a token. */
  readonly host: string;
  /** Left out: `/metrics` stands on the buyers' port, for whoever has the token. */
  readonly port?: number | undefined;
  /** `Authorization: Bearer …`. */
  readonly token?: string | undefined;
}

/** How the HTTP transport listens, and what one request and one address may cost. */
export interface HttpConfig {
  /** Address to listen on; loopback unless told otherwise. */
  readonly host: string;
  /** TCP port; 0 lets the machine choose. */
  readonly port: number;
  /** Speak TLS: `https://`. */
  readonly tls?: TlsConfig | undefined;
  /** Addresses that may ask, `10.0.0.0/8`. Left out: all. */
  readonly allow?: readonly string[] | undefined;
  /** How far back history goes: `granted`, from where a grant began · `kept`, all that the journal has of the symbols that are paid. */
  readonly history: 'granted' | 'kept';
  /** Longest body of a request, bytes. */
  readonly maxBodyBytes: number;
  /** Longest body of a publisher's request, bytes. */
  readonly maxPublishBytes: number;
  /** Most bytes that wait for one stream's socket; more ends that stream with `SLOW_CONSUMER`. */
  readonly maxBufferedBytes: number;
  /** Streams and long answers at a time, and of one address; more are refused with 503 and 429. */
  readonly maxStreams: number;
  readonly maxStreamsPerAddress: number;
  /** Requests that an address may make at once after a pause, and per second from then on. */
  readonly requestBurstPerAddress: number;
  readonly requestsPerSecondPerAddress: number;
  /** Seconds between heartbeats on a stream. One that has taken nothing for four of them is ended. */
  readonly heartbeatSeconds: number;
  /** Seconds in which a whole request has to arrive. */
  readonly requestTimeoutSeconds: number;
  /** Offer gzip for answers; streams of ticks are never compressed, since each row has to leave at once. */
  readonly compression: boolean;
  /** Origins of web pages that may ask. Left out: any, which is safe, since no cookie logs anybody in. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Proxies of our own: what they write into `X-Forwarded-For` is taken for the buyer's address, for limits and for `allow`. `true`: one on
   * this machine. Of anybody else it is not believed, since anybody can write what they like there.
   */
  readonly trustProxy: boolean | readonly string[];
  /** Serve the page of the interface at `/docs`. `/openapi.json` is always there. */
  readonly docs: boolean;
  /** Left out: no metrics. */
  readonly metrics?: MetricsConfig | undefined;
}

/** What stands in a config file: everything may be left out. */
export type HttpConfigInput = { readonly [Field in Exclude<keyof HttpConfig, 'metrics' | 'tls'>]?: HttpConfig[Field] | undefined } & {
  readonly tls?: TlsConfigInput | undefined;
  readonly metrics?: { readonly [Field in keyof MetricsConfig]?: MetricsConfig[Field] | undefined } | undefined;
};

const KIB = 1024;
const count = z.number().int().min(1);
const port = z.number().int().min(0).max(65_535);

const metricsSchema: z.ZodType<MetricsConfig, NonNullable<HttpConfigInput['metrics']>> = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: port.optional(),
    token: z.string().min(16, 'a token of less than 16 characters can be guessed').optional(),
  })
  .refine(({ port: own, token }) => own !== undefined || token !== undefined, 'needs a port of its own, or a token')
  .refine(
    ({ host, token }) => token !== undefined || ['127.0.0.1', '::1', 'localhost'].includes(host),
    'beyond this machine metrics need a token',
  );

/** The config's schema, `transports.http`. A name that it doesn't know is an error. */
export const httpConfigSchema: z.ZodType<HttpConfig, HttpConfigInput> = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: port.default(8080),
  tls: tlsConfigSchema.optional(),
  allow: addressesSchema.optional(),
  history: z.enum(['granted', 'kept']).default('granted'),
  maxBodyBytes: count
    .min(KIB)
    .max(16 * KIB * KIB)
    .default(64 * KIB),
  maxPublishBytes: count
    .min(KIB)
    .max(256 * KIB * KIB)
    .default(16 * KIB * KIB),
  maxBufferedBytes: count.min(KIB).default(2 * KIB * KIB),
  maxStreams: count.default(10_000),
  maxStreamsPerAddress: count.default(100),
  requestBurstPerAddress: count.default(200),
  requestsPerSecondPerAddress: z.number().positive().default(50),
  heartbeatSeconds: z.number().positive().max(3600).default(15),
  requestTimeoutSeconds: z.number().positive().max(600).default(30),
  compression: z.boolean().default(true),
  allowedOrigins: z.array(z.string().min(1)).readonly().optional(),
  trustProxy: trustProxySchema.default(false),
  docs: z.boolean().default(true),
  metrics: metricsSchema.optional(),
});
