import type { CallOptions } from '../../core/lightning/common.ts';
import type { EclairClient } from './client.ts';
import { channelsSchema, closedChannelsSchema, type EclairChannel, type EclairClosedChannel } from './schema-channels.ts';

const PAGE = 100;

/** Every channel that eclair still has in hand, also those that never came to be. */
export async function openChannels(client: EclairClient, operation: string, options: CallOptions): Promise<readonly EclairChannel[]> {
  return await client.call('/channels', {}, { ...options, operation, schema: channelsSchema, readOnly: true });
}

/** Every channel that is over; asked for without a count, eclair tells of ten. */
export async function closedChannels(
  client: EclairClient,
  operation: string,
  options: CallOptions,
): Promise<readonly (EclairClosedChannel | EclairChannel)[]> {
  const all: (EclairClosedChannel | EclairChannel)[] = [];
  for (let skip = 0; ; skip += PAGE) {
    const call = { ...options, operation, schema: closedChannelsSchema, readOnly: true } as const;
    const page = await client.call('/closedchannels', { count: PAGE, skip }, call);
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** The funding output of a channel; undefined while it has none. */
export function outpointOf(channel: EclairChannel | EclairClosedChannel): string | undefined {
  if ('fundingTxId' in channel) return `${channel.fundingTxId}:${channel.fundingOutputIndex}`;
  return channel.data.commitments?.active[0]?.fundingInput;
}
