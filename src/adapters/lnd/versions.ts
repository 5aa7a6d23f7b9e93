import type { KnownVersions } from '../shared/definition.ts';

/** Versions of lnd whose messages the schemas were made from. */
export const LND_VERSIONS: KnownVersions = Object.freeze({
  text: '0.18 to 0.20',
  includes: (version: string) => /^0\.(18|19|20)\./.test(version),
});
