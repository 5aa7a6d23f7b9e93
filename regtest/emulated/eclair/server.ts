import type { EmulatedNodeFactory } from '../node-server.ts';

/** Not there yet. */
export const emulatedEclair: EmulatedNodeFactory = async () => {
  throw new Error('not there yet: emulated eclair');
};
