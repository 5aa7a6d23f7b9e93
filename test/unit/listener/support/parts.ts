import { createHash } from 'node:crypto';
import { SeededRandom } from '../../../../src/adapters/simulated/seeded-random.ts';
import { msat } from '../../../../src/core/lightning/amount.ts';
import type { NodeIdentity } from '../../../../src/core/lightning/backend.ts';
import { nodeId, type PaymentHash, paymentHash } from '../../../../src/core/lightning/identifiers.ts';
import type { Settlement, SettlementCursor } from '../../../../src/core/lightning/settlement.ts';
import type { Clock } from '../../../../src/core/ports/clock.ts';
import { type NewEvent, settledEvent } from '../../../../src/listener/event.ts';
import { type Outbox, openOutbox } from '../../../../src/listener/outbox/outbox.ts';

export const NODE: NodeIdentity = { network: 'regtest', nodeId: nodeId(`02${'ab'.repeat(32)}`) };
export const OTHER_NODE: NodeIdentity = { network: 'regtest', nodeId: nodeId(`03${'cd'.repeat(32)}`) };

/** The payment hash of that name. */
export function hashOf(name: string): PaymentHash {
  return paymentHash(createHash('sha256').update(name).digest('hex'));
}

export function settlementOf(name: string): Settlement {
  return {
    paymentHash: hashOf(name),
    amountMsat: msat(1000),
    receivedMsat: msat(1001),
    settledAt: 2000,
    expiresAt: 9000,
    label: `label of ${name}`,
  };
}

/** That the invoice of that name was settled, at that cursor of the node. */
export function settled(name: string, cursor: string = name): NewEvent {
  return settledEvent('settled', settlementOf(name), cursor as SettlementCursor, { cursorsTravel: true });
}

let opened = 0;

/** Opens an outbox of {@link NODE}; what it draws differs each time. */
export function outboxAt(path: string, clock: Clock): Outbox {
  opened += 1;
  const outbox = openOutbox({ path, clock, random: new SeededRandom(`outbox ${opened}`) });
  outbox.bind(NODE);
  return outbox;
}
