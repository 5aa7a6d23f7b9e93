import { ByteWriter } from './byte-writer.ts';
import { type DecodeLimits, decode } from './decode.ts';
import { write } from './encode.ts';
import { KdbCodecError } from './errors.ts';
import { inflate } from './inflate.ts';
import type { K } from './types.ts';

/** `async` wants no answer, `sync` waits for one, `response` is one. */
export type MessageKind = 'async' | 'sync' | 'response';

const KINDS: readonly MessageKind[] = ['async', 'sync', 'response'];

/** Bytes before every message's value. */
export const HEADER_BYTES = 8;

/** What a message's first eight bytes say. */
export interface MessageHeader {
  readonly littleEndian: boolean;
  readonly kind: MessageKind;
  readonly compressed: boolean;
  /** Of the whole message, with the header. */
  readonly length: number;
}

/** A message that was read. */
export interface Message {
  readonly kind: MessageKind;
  readonly value: K;
}

/** Limits on a message that somebody else sent. */
export interface MessageLimits {
  /** Longest message that is inflated, in bytes once it is, with its header. */
  readonly inflatedBytes: number;
  readonly decode?: DecodeLimits | undefined;
}

/** Reads a header: order of bytes, kind, compressed or not, a byte that is not used, length. @throws KdbCodecError `HEADER`. */
export function readHeader(bytes: Uint8Array): MessageHeader {
  const [order, kind, compressed] = bytes;
  if (bytes.length < HEADER_BYTES) throw new KdbCodecError('HEADER', 'a header has 8 bytes');
  if (order !== 0 && order !== 1) throw new KdbCodecError('HEADER', 'neither order of bytes');
  const name = KINDS[kind as number];
  if (name === undefined) throw new KdbCodecError('HEADER', 'neither async, sync nor response');
  if (compressed !== 0 && compressed !== 1) throw new KdbCodecError('HEADER', 'neither compressed nor not');
  const littleEndian = order === 1;
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4, littleEndian);
  if (length <= HEADER_BYTES) throw new KdbCodecError('HEADER', 'a message without a value');
  return { littleEndian, kind: name, compressed: compressed === 1, length };
}

/** Reads a whole message. @throws KdbCodecError. */
export function readMessage(bytes: Uint8Array, limits: MessageLimits): Message {
  const { littleEndian, kind, compressed, length } = readHeader(bytes);
  if (length !== bytes.length) throw new KdbCodecError('HEADER', 'not the length that the header says');
  const body = compressed ? inflate(bytes, littleEndian, limits.inflatedBytes) : bytes.subarray(HEADER_BYTES);
  return { kind, value: decode(body, littleEndian, limits.decode) };
}

/** A whole message, little-endian, not compressed. @throws KdbCodecError `VALUE`, `LENGTH`. */
export function encodeMessage(kind: MessageKind, value: K): Uint8Array {
  const writer = beginMessage(kind);
  write(writer, value);
  return endMessage(writer);
}

/** A writer with a header in it, whose length {@link endMessage} fills in. */
export function beginMessage(kind: MessageKind, capacity?: number): ByteWriter {
  const writer = new ByteWriter(capacity);
  writer.uint8(1);
  writer.uint8(KINDS.indexOf(kind));
  writer.uint8(0);
  writer.uint8(0);
  writer.uint32(0);
  return writer;
}

/** The message that was begun. */
export function endMessage(writer: ByteWriter): Uint8Array {
  writer.setUint32(4, writer.length);
  return writer.finish();
}
