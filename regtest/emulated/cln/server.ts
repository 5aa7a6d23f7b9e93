import type { EmulatedNodeFactory } from '../node-server.ts';

/** Not there yet. */
export const emulatedCln: EmulatedNodeFactory = async () => {
  throw new Error('not there yet: emulated cln');
};
