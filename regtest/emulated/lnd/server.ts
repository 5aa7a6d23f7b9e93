import type { EmulatedNodeFactory } from '../node-server.ts';

/** Not there yet. */
export const emulatedLnd: EmulatedNodeFactory = async () => {
  throw new Error('not there yet: emulated lnd');
};
