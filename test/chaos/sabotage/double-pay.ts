import { Subscription } from '../../../src/client/subscription.ts';

const original = Subscription.prototype.events;

Subscription.prototype.events = async function* () {
  if (this.purchase?.stage === 'paying') await this.abandon();
  yield* original.call(this);
};
