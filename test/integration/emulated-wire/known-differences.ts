/** A way in which an emulated node is known to differ from what was recorded of a real one, and why that is so. */
export interface KnownDifference {
  readonly node: 'cln' | 'eclair';
  /** The recordings it is about. */
  readonly recording: RegExp;
  /** What the comparison says of it; left out where the recording can't be asked for at all. */
  readonly difference?: RegExp;
  readonly why: string;
}

/** All of them. Anything else that differs fails; so does one of these that does not differ any more. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    node: 'cln',
    recording: /^listpeerchannels (closing|onchain)$/,
    difference: /last_stable_connection: was recorded and is missing/,
    why: 'lightningd notes it when a connection has lasted for a minute, and leaves it out before',
  },
  {
    node: 'eclair',
    recording: /^peers$/,
    why: "an actor of eclair's that does not answer for 30 s: a fault that comes by chance, and is tested with a server that is told to have it",
  },
];

/** The differences that are known of a node. */
export function knownDifferences(node: KnownDifference['node']): readonly (KnownDifference & { readonly difference: RegExp })[] {
  return KNOWN_DIFFERENCES.flatMap((known) =>
    known.node === node && known.difference !== undefined ? [{ ...known, difference: known.difference }] : [],
  );
}

/** Why a recording is not asked for; undefined where it is. */
export function whyNotAsked(node: KnownDifference['node'], recording: string): string | undefined {
  return KNOWN_DIFFERENCES.find((known) => known.node === node && known.difference === undefined && known.recording.test(recording))?.why;
}
