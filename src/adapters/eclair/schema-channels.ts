import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { hex32, msatField, nodeKey, satField } from './schema.ts';

const transaction = z.object({ txid: hex32 });

const published = z.object({ commitTx: transaction, irrevocablySpent: z.record(z.string(), transaction).default({}) });

/** A commitment that was published: its transaction, and the confirmed ones that spend what, by outpoint. */
export interface EclairPublished {
  readonly commitTx: { readonly txid: string };
  readonly irrevocablySpent: Readonly<Record<string, { readonly txid: string }>>;
}

/** What one side asks for forwarding. */
export interface EclairUpdate {
  readonly cltvExpiryDelta: number;
  readonly feeBaseMsat: Msat;
  readonly feeProportionalMillionths: number;
}

/** The commitment that counts, the first of the active ones. */
export interface EclairCommitment {
  readonly fundingInput: string;
  readonly fundingAmount: Msat;
  readonly localFunding: { readonly shortChannelId?: string | undefined };
  readonly localCommit: { readonly spec: { readonly toLocal: Msat; readonly toRemote: Msat } };
}

/** A channel of `channels` and `channel`, as far as it has commitments: before, and when it never got there, it has none. */
export interface EclairChannel {
  readonly nodeId: string;
  readonly channelId: string;
  readonly state: string;
  readonly data: {
    readonly type?: string | undefined;
    readonly commitments?:
      | {
          readonly channelParams: {
            readonly localParams: { readonly isChannelOpener?: boolean | undefined };
            readonly channelFlags: { readonly announceChannel: boolean };
          };
          readonly active: readonly EclairCommitment[];
        }
      | undefined;
    readonly channelUpdate?: EclairUpdate | undefined;
    readonly localShutdown?: unknown;
    readonly publishedClosingTxs?: readonly { readonly txid: string }[] | undefined;
    readonly mutualClosePublished?: readonly { readonly txid: string }[] | undefined;
    readonly localCommitPublished?: EclairPublished | undefined;
    readonly remoteCommitPublished?: EclairPublished | undefined;
    readonly nextRemoteCommitPublished?: EclairPublished | undefined;
    readonly futureRemoteCommitPublished?: EclairPublished | undefined;
    readonly revokedCommitPublished?: readonly EclairPublished[] | undefined;
  };
}

const channel = z.object({
  nodeId: nodeKey,
  channelId: hex32,
  state: z.string(),
  data: z.object({
    type: z.string().optional(),
    commitments: z
      .object({
        channelParams: z.object({
          localParams: z.object({ isChannelOpener: z.boolean().optional() }),
          channelFlags: z.object({ announceChannel: z.boolean() }),
        }),
        active: z.array(
          z.object({
            fundingInput: z.string().regex(/^[0-9a-f]{64}:\d+$/i, 'not an outpoint'),
            fundingAmount: satField,
            localFunding: z.object({ shortChannelId: z.string().optional() }),
            localCommit: z.object({ spec: z.object({ toLocal: msatField, toRemote: msatField }) }),
          }),
        ),
      })
      .optional(),
    channelUpdate: z.object({ cltvExpiryDelta: z.number(), feeBaseMsat: msatField, feeProportionalMillionths: z.number() }).optional(),
    localShutdown: z.unknown().optional(),
    publishedClosingTxs: z.array(transaction).optional(),
    mutualClosePublished: z.array(transaction).optional(),
    localCommitPublished: published.optional(),
    remoteCommitPublished: published.optional(),
    nextRemoteCommitPublished: published.optional(),
    futureRemoteCommitPublished: published.optional(),
    revokedCommitPublished: z.array(published).optional(),
  }),
});

/** `channel`. */
export const channelSchema: z.ZodType<EclairChannel> = channel;

/** `channels`. */
export const channelsSchema: z.ZodType<readonly EclairChannel[]> = z.array(channel);

/** One channel of `closedchannels`, since 0.13.1. */
export interface EclairClosedChannel {
  readonly channelId: string;
  readonly remoteNodeId: string;
  readonly fundingTxId: string;
  readonly fundingOutputIndex: number;
  readonly isChannelOpener: boolean;
  readonly announced: boolean;
  readonly capacity: Msat;
  readonly closingTxId: string;
  readonly localBalance: Msat;
  readonly remoteBalance: Msat;
}

const closed: z.ZodType<EclairClosedChannel> = z.object({
  channelId: hex32,
  remoteNodeId: nodeKey,
  fundingTxId: hex32,
  fundingOutputIndex: z.number(),
  isChannelOpener: z.boolean(),
  announced: z.boolean(),
  capacity: satField,
  closingTxId: hex32,
  localBalance: msatField,
  remoteBalance: msatField,
});

/** `closedchannels`: a record of its own since 0.13.1, before in the form of the open ones. */
export const closedChannelsSchema: z.ZodType<readonly (EclairClosedChannel | EclairChannel)[]> = z.array(z.union([closed, channel]));

/** `close`, `forceclose`, `updaterelayfee`: a text for each channel, which says how it went. */
export const perChannelSchema: z.ZodType<Readonly<Record<string, string>>> = z.record(z.string(), z.string());
