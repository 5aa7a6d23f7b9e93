import type { OpenChannel } from '../../core/lightning/channel.ts';
import type { CallOptions } from '../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../core/lightning/errors.ts';
import { type Outpoint, outpoint } from '../../core/lightning/identifiers.ts';
import { pause } from '../shared/abort.ts';
import { checkFeeRate, invalid, wholeSat } from '../shared/limits.ts';
import { plainText } from '../shared/redact.ts';
import { openChannels, outpointOf } from './channel-list.ts';
import type { EclairClient } from './client.ts';
import { isRefusal, refusal } from './http-answer.ts';
import type { EclairPeers } from './peers.ts';
import { onchainBalanceSchema, textSchema } from './schema.ts';

const OPERATION = 'channels.open';
const TIMEOUT_SECONDS = 60;
/** Unless told, eclair spends at most 0.1 % on the funding transaction, too little for a small channel. */
const LEAST_BUDGET_SAT = 20_000;
const SEEN_WITHIN_MS = 5_000;
const POLL_MS = 200;

/**
 * Opens a channel. What eclair says is a text, with status 200 also for what the peer aborted: that it worked is told by
 * its own list of channels holding the one that the text names.
 */
export async function openChannel(
  client: EclairClient,
  peers: EclairPeers,
  request: OpenChannel,
  options: CallOptions,
): Promise<{ readonly outpoint: Outpoint }> {
  const fundingSatoshis = wholeSat(request.localFundingMsat, "a channel's funding", OPERATION);
  checkFeeRate(request.feeRateSatPerVbyte, OPERATION);
  if (request.pushMsat !== undefined && request.pushMsat > request.localFundingMsat) throw invalid(OPERATION, 'more is pushed than funded');
  const form = {
    nodeId: request.peer,
    fundingSatoshis,
    pushMsat: request.pushMsat === undefined ? undefined : String(request.pushMsat),
    announceChannel: request.private !== true,
    fundingFeerateSatByte: request.feeRateSatPerVbyte === undefined ? undefined : Math.max(1, Math.ceil(request.feeRateSatPerVbyte)),
    fundingFeeBudgetSatoshis: Math.max(LEAST_BUDGET_SAT, Math.ceil(fundingSatoshis / 100)),
    openTimeoutSeconds: TIMEOUT_SECONDS,
    timeoutSeconds: TIMEOUT_SECONDS + 10,
  };
  const call = {
    ...options,
    operation: OPERATION,
    schema: textSchema,
    rawRefusal: true,
    timeoutMs: (TIMEOUT_SECONDS + 20) * 1000,
  } as const;
  let said: string;
  try {
    said = await client.call('/open', form, call);
  } catch (error) {
    if (isRefusal(error, 400)) throw refusal(error, OPERATION, { place: 'eclair' });
    throw isRefusal(error) ? await whyNot(client, peers, request, error.message, options, error) : error;
  }
  const named = new Set(said.toLowerCase().match(/[0-9a-f]{64}/g) ?? []);
  const deadline = client.clock.now() + SEEN_WITHIN_MS;
  while (named.size > 0) {
    const opened = (await openChannels(client, OPERATION, options)).find(
      (channel) => channel.nodeId === request.peer && named.has(channel.channelId) && outpointOf(channel) !== undefined,
    );
    if (opened !== undefined) return { outpoint: outpoint(outpointOf(opened) as string) };
    if (client.clock.now() >= deadline) break;
    await pause(client.clock, POLL_MS, options.signal, OPERATION);
  }
  throw await whyNot(client, peers, request, said, options);
}

/** Why it was not opened, as far as it can be seen; eclair's texts for it change. */
async function whyNot(
  client: EclairClient,
  peers: EclairPeers,
  request: OpenChannel,
  said: string,
  options: CallOptions,
  cause?: unknown,
): Promise<LightningError> {
  const known = { operation: OPERATION, ...(cause === undefined ? {} : { cause }) };
  // A list that another peer holds up tells nothing of this one.
  const list = await peers.peers(OPERATION, options).catch((error) => {
    if (isLightningError(error, 'ABORTED')) throw error;
    return undefined;
  });
  if (list !== undefined && !list.some((peer) => peer.nodeId === request.peer && peer.state === 'CONNECTED')) {
    return new LightningError('NOT_FOUND', `the peer is not connected: ${plainText(said)}`, known);
  }
  const call = { ...options, operation: OPERATION, schema: onchainBalanceSchema, readOnly: true } as const;
  const { confirmed, unconfirmed } = await client.call('/onchainbalance', {}, call);
  if (confirmed + unconfirmed <= request.localFundingMsat) {
    return new LightningError('INSUFFICIENT_FUNDS', `the wallet holds less than the channel needs: ${plainText(said)}`, known);
  }
  return new LightningError('REJECTED', `the channel was not opened: ${plainText(said)}`, known);
}
