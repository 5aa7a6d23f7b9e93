import type { NodeKind } from '../network.ts';
import type { EmulatedNodeFactory } from './node-server.ts';

/** Every kind that can be emulated; loaded when it is asked for. */
export const EMULATED: Readonly<Record<NodeKind, () => Promise<EmulatedNodeFactory>>> = {
  lnd: async () => (await import('./lnd/server.ts')).emulatedLnd,
  cln: async () => (await import('./cln/server.ts')).emulatedCln,
  eclair: async () => (await import('./eclair/server.ts')).emulatedEclair,
};
