import type { Payer } from '../../../../src/client/quote-check.ts';
import type { SubscriberState } from '../../../../src/client/state.ts';
import type { StateDirectory } from '../../../../src/client/state-directory.ts';
import type { TestPayer } from './payer.ts';

/** The end of a life. */
export class Crash extends Error {}

/** Ends a run at its n-th step: from then on nothing that it tries takes effect, as if the process were gone. */
export class Fate {
  steps = 0;
  dead = false;
  readonly #dieAt: number;

  constructor(dieAt: number) {
    this.#dieAt = dieAt;
  }

  step(): void {
    if (this.dead || this.steps++ === this.#dieAt) {
      this.dead = true;
      throw new Crash();
    }
  }

  /** A step before the effect and one after it. */
  async around<T>(effect: () => Promise<T> | T): Promise<T> {
    this.step();
    const result = await effect();
    this.step();
    return result;
  }
}

/** A wallet as a mortal process has it: each call is a step before and one after. */
export function mortalPayer(payer: TestPayer, fate: Fate): Payer {
  const { payments, node } = payer;
  return {
    node: { ...node, identity: () => fate.around(() => node.identity()) },
    payments: {
      ...payments,
      decode: (text) => fate.around(() => payments.decode(text)),
      lookup: (hash) => fate.around(() => payments.lookup(hash)),
      pay: (request) => fate.around(() => payments.pay(request)),
    },
  };
}

/** A state whose saving are steps. */
export function mortalState(state: StateDirectory, fate: Fate): SubscriberState {
  return { ...state, save: (account) => fate.around(() => state.save(account)) };
}
