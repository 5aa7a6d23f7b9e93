import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { channelCalls } from './channels.ts';
import { closingStreams } from './closing.ts';
import { ConnectionGone, type GrpcFailure, toGrpcFailure } from './grpc-failure.ts';
import { infoCalls } from './info.ts';
import { invoiceStreams } from './invoice-streams.ts';
import { invoiceCalls } from './invoices.ts';
import type { LndNode, StreamCall, StreamCalls, UnaryCall, UnaryCalls } from './node.ts';
import { openingCalls, openingStreams } from './opening.ts';
import { paymentCalls, paymentStreams } from './payments.ts';
import { peerCalls } from './peers.ts';
import { routeCalls } from './routes.ts';
import type { Message } from './values.ts';
import { walletCalls } from './wallet.ts';

const UNARY: UnaryCalls = {
  ...infoCalls,
  ...invoiceCalls,
  ...paymentCalls,
  ...routeCalls,
  ...peerCalls,
  ...channelCalls,
  ...openingCalls,
  ...walletCalls,
};
const STREAMS: StreamCalls = { ...invoiceStreams, ...paymentStreams, ...openingStreams, ...closingStreams };

/** What stands between the wire and the calls. */
export interface Gate {
  readonly node: LndNode;
  /** Whether the call may be made: the wallet's state, then the macaroon. @throws GrpcFailure */
  readonly admit: (method: string, macaroons: readonly (string | Buffer)[]) => void;
  /** Ends the connection of a peer (`host:port`) without a word. */
  readonly hangUp: (peer: string) => void;
}

/** A service's methods for the gRPC server; what is not emulated is answered with "unimplemented". */
export function implement(service: ServiceDefinition, name: string, gate: Gate): UntypedServiceImplementation {
  const methods: UntypedServiceImplementation = {};
  for (const method of Object.keys(service)) {
    const full = `${name}/${method}`;
    const [unary, stream] = [UNARY[full], STREAMS[full]];
    if (unary !== undefined) methods[method] = answering(full, unary, gate);
    else if (stream !== undefined) methods[method] = streaming(full, stream, gate);
  }
  return methods;
}

/** The full names of all calls that are emulated. */
export const EMULATED_CALLS: readonly string[] = [...Object.keys(UNARY), ...Object.keys(STREAMS)];

function answering(method: string, call: UnaryCall, gate: Gate): handleUnaryCall<Message, Message> {
  return (request, callback) => {
    const answer = async (): Promise<Message> => {
      gate.admit(method, macaroonsOf(request.metadata));
      return await call(gate.node, request.request);
    };
    answer().then(
      (message) => callback(null, message),
      (error: unknown) => {
        const failure = toGrpcFailure(error);
        if (failure instanceof ConnectionGone) gate.hangUp(request.getPeer());
        else callback(failure);
      },
    );
  };
}

function streaming(method: string, call: StreamCall, gate: Gate): handleServerStreamingCall<Message, Message> {
  return (stream) => {
    const gone = new AbortController();
    stream.on('cancelled', () => gone.abort());
    stream.on('error', () => gone.abort());
    const tell = async (): Promise<void> => {
      gate.admit(method, macaroonsOf(stream.metadata));
      for await (const message of call(gate.node, stream.request, gone.signal)) {
        if (gone.signal.aborted) return;
        if (!stream.write(message)) await drained(stream, gone.signal);
      }
    };
    tell()
      .then(
        () => stream.end(),
        (error: unknown) => {
          const failure = toGrpcFailure(error);
          if (failure instanceof ConnectionGone) gate.hangUp(stream.getPeer());
          else fail(stream, failure);
        },
      )
      .finally(() => gone.abort());
  };
}

function fail(stream: ServerWritableStream<Message, Message>, { code, details }: GrpcFailure): void {
  stream.emit('error', { code, details });
}

function drained(stream: ServerWritableStream<Message, Message>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    stream.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function macaroonsOf(metadata: Metadata): readonly (string | Buffer)[] {
  return metadata.get('macaroon');
}
