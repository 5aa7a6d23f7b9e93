import { type Outpoint, outpoint, txIdFromInternalBytes } from '../../../src/core/lightning/identifiers.ts';
import { GrpcFailure } from './grpc-failure.ts';

/** `lnrpc.ChannelPoint`: the funding transaction as bytes in internal order or as text. */
export type ChannelPoint = {
  readonly funding_txid_bytes?: Buffer;
  readonly funding_txid_str?: string;
  readonly output_index: number;
};

/** The outpoint that a request names. @throws GrpcFailure */
export function toOutpoint({ funding_txid_bytes: bytes, funding_txid_str: text, output_index: index }: ChannelPoint): Outpoint {
  try {
    return outpoint(`${text !== undefined && text !== '' ? text : txIdFromInternalBytes(bytes ?? Buffer.alloc(0))}:${index}`);
  } catch {
    throw new GrpcFailure('invalid txid');
  }
}
