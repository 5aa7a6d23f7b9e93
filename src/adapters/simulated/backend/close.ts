import type { CloseStage } from '../../../core/lightning/channel.ts';
import type { CallOptions } from '../../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import type { Outpoint } from '../../../core/lightning/identifiers.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { SimulatedNode } from '../gateway/calls.ts';

const RETRY_MS = 200;

/** How to close. */
export interface CloseRequest {
  readonly force?: boolean;
  readonly feeRateSatPerVbyte?: number;
}

/** Tells the node to close, then follows the close to its end; a connection lost on the way is made again. */
export async function* closeChannel(
  node: SimulatedNode,
  clock: Clock,
  channel: Outpoint,
  { force, feeRateSatPerVbyte }: CloseRequest,
  { signal }: CallOptions,
): AsyncGenerator<CloseStage, void, undefined> {
  const order = { channel, ...(force !== undefined && { force }), ...(feeRateSatPerVbyte !== undefined && { feeRateSatPerVbyte }) };
  const options = signal === undefined ? {} : { signal };
  const first = await node.call('closeChannel', order, options);
  yield first;
  while (!isAborted(signal)) {
    try {
      for await (const stage of node.follow('closing', { channel }, options)) {
        if (stage.stage !== 'closed') continue;
        yield stage;
        return;
      }
    } catch (error) {
      if (!isLightningError(error, 'CONNECTION_LOST') && !isLightningError(error, 'UNAVAILABLE')) throw error;
      await clock.sleep(RETRY_MS, signal).catch(() => {});
    }
  }
  throw new LightningError('ABORTED', 'gave up watching; the close goes on', { operation: 'close', cause: signal?.reason });
}

/** A function of its own, since it changes between two looks. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
