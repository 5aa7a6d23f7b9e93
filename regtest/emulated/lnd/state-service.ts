import type { handleServerStreamingCall, handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Message } from './values.ts';
import type { WalletState } from './wallet-state.ts';

/** lnd's state service: the present state, and each change of it. It needs no macaroon and answers before the wallet is open. */
export function stateService(state: () => WalletState, listeners: Set<() => void>): UntypedServiceImplementation {
  const getState: handleUnaryCall<Message, Message> = (_request, callback) => callback(null, { state: state() });
  const subscribeState: handleServerStreamingCall<Message, Message> = (stream) => {
    const tell = (): void => {
      stream.write({ state: state() });
    };
    const forget = (): void => {
      listeners.delete(tell);
    };
    tell();
    listeners.add(tell);
    stream.on('cancelled', forget);
    stream.on('error', forget);
  };
  return { GetState: getState, SubscribeState: subscribeState };
}
