import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FeedError, feedErrorFrom } from './errors.ts';

/** A source of text that can be opened: a file, again and again, or standard input, once. */
export interface ByteSource {
  /** For messages: the file as the config names it, or `stdin`. */
  readonly name: string;
  /** The bytes, unzipped, until the end. @throws FeedError `NOT_FOUND`, `IO`, `FORMAT`; the signal's reason when it is aborted. */
  open(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>;
}

/** A file; `gzip` undefined: where its name ends in `.gz`. */
export function fileSource(file: string, gzip: boolean = /\.gz$/i.test(file)): ByteSource {
  return { name: file, open: (signal) => read(file, createReadStream(file), gzip, signal) };
}

/** A stream that is there already; opening it a second time is an error. */
export function streamSource(name: string, stream: Readable, gzip: boolean = false): ByteSource {
  let opened = false;
  return {
    name,
    async *open(signal) {
      if (opened) throw new FeedError('IO', { source: name }, 'can be read only once');
      opened = true;
      yield* read(name, stream, gzip, signal);
    },
  };
}

async function* read(name: string, input: Readable, gzip: boolean, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  let failure: unknown;
  const stream = gzip
    ? pipeline(input, createGunzip(), (error) => {
        failure = error;
      })
    : input;
  const stop = (): void => {
    stream.destroy();
    input.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const chunk of stream) yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
  } catch (error) {
    if (!signal.aborted) throw feedErrorFrom(failure ?? error, name);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
  signal.throwIfAborted();
}
