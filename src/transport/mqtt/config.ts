import { z } from 'zod';
import { addressesSchema } from '../shared/access/address-list.ts';
import { type TlsConfig, type TlsConfigInput, tlsConfigSchema } from '../shared/tls/config.ts';
import { DEFAULT_PREFIX } from './topics.ts';

/** A broker inside the server, which devices connect to. */
export interface OwnBrokerConfig {
  /** Address to listen on; loopback unless told otherwise. */
  readonly host: string;
  /** TCP port; 0 lets the machine choose. */
  readonly port: number;
  /** Then devices connect with `mqtts://`. */
  readonly tls?: TlsConfig | undefined;
  /** Addresses that may connect; left out: all. */
  readonly allow?: readonly string[] | undefined;
  /** Before every topic: `devices/<id>/settled`. */
  readonly prefix: string;
  /** Connections at a time. */
  readonly maxConnections: number;
  /** Longest packet taken from a device, bytes. */
  readonly maxPacketBytes: number;
  /** Seconds for a connection to log in. */
  readonly loginTimeoutSeconds: number;
}

/** Somebody else's broker, which the server is a client of. */
export interface ForeignBrokerConfig {
  /** `mqtts://broker.example.com:8883`, or `mqtt://`, `wss://`, `ws://`. */
  readonly broker: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** As which client the server is known there; a new one each time unless given. */
  readonly clientId?: string | undefined;
  /** `ca`: a PEM file of the authority that signed the broker's certificate; those that Node knows unless given. */
  readonly tls?: { readonly ca?: string | undefined } | undefined;
  readonly prefix: string;
}

/** How devices reach the server over MQTT. */
export type MqttConfig = OwnBrokerConfig | ForeignBrokerConfig;

/** What stands in a config file. */
export type MqttConfigInput =
  | ({ readonly [Field in Exclude<keyof OwnBrokerConfig, 'tls'>]?: OwnBrokerConfig[Field] | undefined } & {
      readonly tls?: TlsConfigInput | undefined;
    })
  | ({ readonly broker: string } & {
      readonly [Field in Exclude<keyof ForeignBrokerConfig, 'broker'>]?: ForeignBrokerConfig[Field] | undefined;
    });

const KIB = 1024;

const prefix = z
  .string()
  .regex(/^[^/+#$\s][^+#\s]{0,63}$/, 'the beginning of a topic, without +, # and blanks')
  .refine((text) => !text.endsWith('/'), 'without / at its end')
  .default(DEFAULT_PREFIX);

const ownSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.number().int().min(0).max(65_535).default(1883),
  tls: tlsConfigSchema.optional(),
  allow: addressesSchema.optional(),
  prefix,
  maxConnections: z.number().int().min(1).default(10_000),
  maxPacketBytes: z
    .number()
    .int()
    .min(KIB)
    .max(KIB * KIB)
    .default(16 * KIB),
  loginTimeoutSeconds: z.number().positive().max(600).default(10),
});

const foreignSchema = z
  .strictObject({
    broker: z.url({ protocol: /^(mqtts?|wss?)$/, error: 'must be a URL: mqtts://host:8883, mqtt://, wss:// or ws://' }),
    username: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    clientId: z.string().min(1).max(128).optional(),
    tls: z.strictObject({ ca: z.string().min(1).optional() }).optional(),
    prefix,
  })
  .superRefine(({ broker }, context) => {
    const { username, password } = new URL(broker);
    if (username !== '' || password !== '')
      context.addIssue({ code: 'custom', path: ['broker'], message: 'no login in the URL: say username and password beside it' });
  });

/** The config's schema, `transports.mqtt`: with `broker`, somebody else's; without, one inside the server. */
export const mqttConfigSchema: z.ZodType<MqttConfig, MqttConfigInput> = z.union([foreignSchema, ownSchema]);
