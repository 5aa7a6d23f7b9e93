import type { OwnChannel } from '../shared/channels-of.ts';
import type { Params } from './params.ts';
import { badParameter, CODE, Refusal } from './refusal.ts';

/** The channels that a short id, a channel id or a peer's id means. @throws Refusal where there is none. */
export function named(channels: readonly OwnChannel[], params: Params, name: string): readonly OwnChannel[] {
  const text = params.text(name);
  if (/^\d+x\d+x\d+$/.test(text)) {
    const found = channels.filter(({ record }) => record.shortChannelId === text);
    if (found.length === 0) throw badParameter(name, 'Short channel id not found', text);
    return found;
  }
  const found = channels.filter(({ channelId, peer }) => channelId === text.toLowerCase() || peer.nodeId === text.toLowerCase());
  if (found.length > 0) return found;
  if (/^[0-9a-f]{64}$/i.test(text)) throw badParameter(name, 'Channel ID not found', text);
  if (/^0[23][0-9a-f]{64}$/i.test(text)) throw new Refusal(CODE.generic, 'Could not find any active channels of peer with that id');
  throw badParameter(name, 'should be a channel ID or short channel ID', text);
}

/** The fee rate of a `feerate` parameter in sat per virtual byte; undefined for lightningd's own choice (`normal`, nothing). */
export function feeRateText(text: string | undefined): number | undefined {
  const [, digits, unit] = /^(\d+)(perkb|perkw)?$/.exec(text ?? '') ?? [];
  if (digits === undefined) return undefined;
  return unit === 'perkw' ? Number(digits) / 250 : Number(digits) / 1000;
}
