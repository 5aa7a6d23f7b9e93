import type { K } from '../../../kdb/types.ts';

/**
 * What a client asked for, before anybody looked whether there is such a thing: a value, a name applied to values, or a list of
 * such. There is nothing in it that could be run.
 */
export type Call =
  | { readonly kind: 'value'; readonly value: K }
  | { readonly kind: 'apply'; readonly name: string; readonly args: readonly K[] }
  | { readonly kind: 'list'; readonly calls: readonly Call[] }
  /** One after the other; the answer is the last one's. `silent`: there is a `;` at the end, and so no answer. */
  | { readonly kind: 'sequence'; readonly calls: readonly Call[]; readonly silent: boolean };
