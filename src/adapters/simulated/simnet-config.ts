import { z } from 'zod';

/** A channel of the topology that a simulated network begins with. Amounts in satoshi. */
export interface SimnetChannel {
  readonly from: string;
  readonly to: string;
  readonly sat: number;
  readonly pushSat: number;
  readonly private: boolean;
}

/** What a simulated network is like, defaults filled in. */
export interface Topology {
  readonly nodes: readonly string[];
  readonly channels: readonly SimnetChannel[];
  /** What each node has on chain to begin with, beside what its channels take. */
  readonly walletSat: number;
  readonly confirmations: number;
  readonly toSelfDelay: number;
}

/** A simulated network as a process of its own, as `simnet:` in a config file, defaults filled in. */
export interface SimnetConfig extends Topology {
  /** The Unix socket to serve it on. */
  readonly socket: string;
  /** Where it keeps what it remembers. */
  readonly dir: string;
  /** Makes keys and preimages repeat: anybody who knows it knows them. */
  readonly seed?: number | undefined;
  /** Seconds between blocks; 0: mined by command only. */
  readonly blockSeconds: number;
  /** Milliseconds that each hop of a payment takes. */
  readonly hopDelayMs: number;
}

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, 'a node is named by up to 32 letters, digits, dots, dashes and underscores');
const satoshi = z.number().int().min(0).max(100_000_000_000);

const channel: z.ZodType<SimnetChannel> = z.strictObject({
  from: name,
  to: name,
  sat: satoshi.min(20_000),
  pushSat: satoshi.default(0),
  private: z.boolean().default(false),
});

/** Two buyers, a router and a seller; `buyer` next to the seller, `buyer2` one hop away. */
const DEFAULT_NODES = ['seller', 'buyer', 'buyer2', 'router'];
const DEFAULT_CHANNELS: readonly SimnetChannel[] = [
  { from: 'buyer', to: 'seller', sat: 10_000_000, pushSat: 1_000_000, private: false },
  { from: 'buyer2', to: 'router', sat: 10_000_000, pushSat: 1_000_000, private: false },
  { from: 'router', to: 'seller', sat: 10_000_000, pushSat: 1_000_000, private: false },
];

/** The schema of `simnet:`. Everything has a default; nodes given without channels get none. */
export const simnetConfigSchema: z.ZodType<SimnetConfig> = z
  .strictObject({
    socket: z.string().min(1).default('data/simnet.sock'),
    dir: z.string().min(1).default('data/simnet'),
    seed: z.number().int().optional(),
    nodes: z.array(name).min(1).optional(),
    channels: z.array(channel).optional(),
    walletSat: satoshi.default(100_000_000),
    confirmations: z.number().int().min(1).max(100).default(3),
    toSelfDelay: z.number().int().min(1).max(2016).default(144),
    blockSeconds: z.number().min(0).max(86_400).default(0),
    hopDelayMs: z.number().min(0).max(60_000).default(0),
  })
  .transform(({ nodes, channels, ...rest }, context) => {
    const names = nodes ?? DEFAULT_NODES;
    const opened = channels ?? (nodes === undefined ? DEFAULT_CHANNELS : []);
    for (const [at, { from, to }] of opened.entries()) {
      for (const end of [from, to]) {
        if (!names.includes(end))
          context.addIssue({ code: 'custom', path: ['channels', at], message: `no node is named ${end}: add it to nodes` });
      }
      if (from === to) context.addIssue({ code: 'custom', path: ['channels', at], message: 'a channel is between two nodes' });
    }
    if (new Set(names).size < names.length) context.addIssue({ code: 'custom', path: ['nodes'], message: 'a name stands there twice' });
    return { ...rest, nodes: names, channels: opened };
  });

/** The schema of a file that holds a network alone: `simnet:` at its top. */
export const simnetFileSchema: z.ZodType<{ readonly simnet: SimnetConfig }> = z.strictObject({ simnet: simnetConfigSchema.prefault({}) });

/** The default topology. */
export const defaultTopology: Topology = simnetConfigSchema.parse({});
