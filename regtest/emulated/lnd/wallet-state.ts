import { status } from '@grpc/grpc-js';
import { GrpcFailure } from './grpc-failure.ts';

/** How far an lnd has come with starting, as its state service tells. */
export type WalletState = 'NON_EXISTING' | 'LOCKED' | 'UNLOCKED' | 'RPC_ACTIVE' | 'SERVER_ACTIVE' | 'WAITING_TO_START';

const REFUSALS: Readonly<Partial<Record<WalletState, string>>> = {
  NON_EXISTING: 'wallet not created, create one to enable full RPC access',
  LOCKED: 'wallet locked, unlock it to enable full RPC access',
  UNLOCKED: 'the RPC server is in the process of starting up, but not yet ready to accept calls',
  RPC_ACTIVE: 'server is still in the process of starting',
  WAITING_TO_START: 'waiting to start, RPC services not available',
};

/** Whether lnd answers in this state. @throws GrpcFailure with lnd's reason why not. */
export function requireReady(state: WalletState): void {
  const refusal = REFUSALS[state];
  if (refusal !== undefined) throw new GrpcFailure(refusal, status.UNKNOWN);
}
