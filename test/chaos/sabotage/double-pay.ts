import { Subscription } from '../../../src/client/subscription.ts';

const original = Subscription.prototype.events;

/** A buyer who is started again does not believe its own record of a payment, and buys anew. */
Subscription.prototype.events = async function* () {
  const stage = this.purchase?.stage;
  if (stage === 'paying' || stage === 'paid' || stage === 'active') await this.abandon();
  yield* original.call(this);
};
