import type { AdapterDefinition } from './shared/definition.ts';

/**
 * Every backend, by the value of `backend.kind`; each is loaded when it is asked for, so that nobody waits for the client
 * packages of a node that they don't have. A further one is a folder and a line here.
 */
export const ADAPTERS: Readonly<Record<string, () => Promise<AdapterDefinition>>> = {
  simulated: async () => (await import('./simulated/definition.ts')).simulated,
  lnd: async () => (await import('./lnd/definition.ts')).lnd,
  cln: async () => (await import('./cln/definition.ts')).cln,
  eclair: async () => (await import('./eclair/definition.ts')).eclair,
};
