import type { CloseStage } from '../../core/lightning/channel.ts';
import type { CallOptions } from '../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../core/lightning/errors.ts';
import { type Outpoint, txId } from '../../core/lightning/identifiers.ts';
import { anySignal, pause } from '../shared/abort.ts';
import type { ClnClient } from './client.ts';
import { isCloseBroadcast, isCloseConfirmed, toChannelState } from './mapping-channels.ts';
import { type ClnClose, type ClnPeerChannel, closeSchema } from './schema-channels.ts';
import { toWireFeeRate } from './wire-values.ts';

const POLL_MS = 500;
const OPERATION = 'channels.close';

/** What closing a channel needs. */
export interface CloseRequest {
  readonly client: ClnClient;
  readonly channel: Outpoint;
  readonly list: () => Promise<readonly ClnPeerChannel[]>;
  readonly force?: boolean;
  readonly feeRateSatPerVbyte?: number;
}

/**
 * Closes and follows. `unilateraltimeout` is 0 for a cooperative close: lightningd's default would force it after two
 * days unasked. Forced it is 1: a second for the peer to agree to the cheaper way, which lightningd takes if it can.
 */
export async function* closeChannel(request: CloseRequest, options: CallOptions): AsyncGenerator<CloseStage> {
  const { client, list } = request;
  const signal = anySignal(options.signal, client.disposed);
  const before = pick(await list(), request.channel);
  if (before === undefined) throw new LightningError('NOT_FOUND', `there is no channel ${request.channel}`, { operation: OPERATION });
  const state = toChannelState(before);
  const force = request.force === true;
  if (!force && !before.peer_connected && (state === 'active' || state === 'inactive' || state === 'pending')) {
    throw new LightningError('CONFLICT', 'a cooperative close needs the peer, and it is not connected', { operation: OPERATION });
  }
  const call = new CloseCall();
  if (!isCloseBroadcast(before.state)) call.start(ask(request, before, signal));
  let broadcast: string | undefined;
  for (;;) {
    const channel = pick(await list(), request.channel);
    if (call.error !== undefined && !(channel !== undefined && isCloseBroadcast(channel.state))) throw call.error;
    if (call.answer?.type === 'unopened') return;
    const closing =
      call.answer?.txids?.[0] ??
      call.answer?.txid ??
      (channel !== undefined && isCloseBroadcast(channel.state) ? channel.scratch_txid : undefined);
    if (broadcast === undefined && closing !== undefined) {
      broadcast = closing;
      yield { stage: 'closing', txId: txId(closing) };
    }
    if (broadcast !== undefined && (channel === undefined || isCloseConfirmed(channel.state))) {
      yield { stage: 'closed', txId: txId(broadcast) };
      return;
    }
    if (channel === undefined) {
      throw new LightningError('INTERNAL', 'the channel went away without a closing transaction', { operation: OPERATION });
    }
    await Promise.race([pause(client.clock, POLL_MS, signal, OPERATION), call.settled(broadcast === undefined)]);
  }
}

function ask(request: CloseRequest, channel: ClnPeerChannel, signal: AbortSignal | undefined): Promise<ClnClose> {
  const rate = request.feeRateSatPerVbyte;
  const params = {
    id: channel.channel_id ?? channel.short_channel_id ?? channel.peer_id,
    unilateraltimeout: request.force === true ? 1 : 0,
    ...(rate === undefined || request.force === true ? {} : { feerange: [toWireFeeRate(rate), toWireFeeRate(rate)] }),
  };
  // It answers when the closing transaction is agreed on, which may be never: we watch the channel meanwhile.
  return request.client.call('close', params, {
    operation: OPERATION,
    signal,
    schema: closeSchema,
    timeoutMs: 'none',
    meaning: { [-1]: 'CONFLICT' },
  });
}

/** The `close` call, which goes on while the channel is watched. */
class CloseCall {
  answer: ClnClose | undefined;
  error: unknown;
  #done: Promise<void> = new Promise(() => {});

  start(call: Promise<ClnClose>): void {
    this.#done = call.then(
      (answer) => {
        this.answer = answer;
      },
      (error) => {
        // Lost on the way: whether it took effect is seen at the channel.
        if (!isLightningError(error) || error.code !== 'CONNECTION_LOST') this.error = error;
      },
    );
  }

  /** Resolves when there is an answer that was not looked at yet; never, once there is nothing more to learn of it. */
  settled(wanted: boolean): Promise<void> {
    if (!wanted || this.answer !== undefined || this.error !== undefined) return new Promise(() => {});
    return this.#done;
  }
}

function pick(channels: readonly ClnPeerChannel[], wanted: Outpoint): ClnPeerChannel | undefined {
  return channels.find((one) => `${one.funding_txid}:${one.funding_outnum}` === wanted);
}
