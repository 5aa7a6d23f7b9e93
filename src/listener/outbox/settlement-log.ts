import { type Msat, msat } from '../../core/lightning/amount.ts';
import type { NodeIdentity } from '../../core/lightning/backend.ts';
import type { PaymentHash } from '../../core/lightning/identifiers.ts';
import type { Settlement } from '../../core/lightning/settlement.ts';
import type { ObservedSettlement, SettlementLog } from '../../core/ports/settlement-log.ts';
import { ListenerError } from '../errors.ts';
import type { Outbox } from './outbox.ts';

/** The order of first observation for a node that has none of its own, in the outbox's file: of its one node. */
export function outboxSettlementLog(outbox: Outbox): SettlementLog {
  const { database } = outbox;
  const insert = database.prepare('INSERT INTO settlement_log VALUES (?, ?, ?) ON CONFLICT (payment_hash) DO NOTHING');
  const after = database.prepare('SELECT position, settlement FROM settlement_log WHERE position > ? ORDER BY position LIMIT ?');
  const last = database.prepare('SELECT max(position) AS position FROM settlement_log');
  const checkpoint = database.prepare('SELECT checkpoint FROM checkpoints');
  const save = database.prepare('INSERT INTO checkpoints VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET checkpoint = excluded.checkpoint');
  const head = () => Number(last.get()?.['position'] ?? 0);
  const own = (node: NodeIdentity): void => {
    if (outbox.node !== undefined && outbox.node.nodeId !== node.nodeId) {
      throw new ListenerError('OTHER_NODE', `the outbox ${outbox.path} is of another node than the one that answers`);
    }
  };
  return {
    async append(node, settlements) {
      own(node);
      return outbox.transaction(() => {
        const added: ObservedSettlement[] = [];
        let position = head();
        for (const settlement of settlements) {
          if (insert.run(position + 1, settlement.paymentHash, format(settlement)).changes === 0) continue;
          position += 1;
          added.push({ position, settlement });
        }
        return added;
      });
    },
    async after(node, position, limit) {
      own(node);
      return after.all(position, limit).map((row) => ({ position: Number(row['position']), settlement: parse(String(row['settlement'])) }));
    },
    async head(node) {
      own(node);
      return head();
    },
    async checkpoint(node) {
      own(node);
      return checkpoint.get()?.['checkpoint'] as string | undefined;
    },
    async saveCheckpoint(node, text) {
      own(node);
      outbox.transaction(() => save.run(text));
    },
  };
}

function format(settlement: Settlement): string {
  return JSON.stringify(settlement, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

function parse(text: string): Settlement {
  const { paymentHash, amountMsat, receivedMsat, settledAt, expiresAt, label } = JSON.parse(text) as Record<string, string | number>;
  const amount = (value: string | number | undefined): Msat | undefined => (value === undefined ? undefined : msat(BigInt(value)));
  return {
    paymentHash: paymentHash as PaymentHash,
    amountMsat: amount(amountMsat),
    receivedMsat: amount(receivedMsat) as Msat,
    settledAt: settledAt as number,
    expiresAt: expiresAt as number | undefined,
    label: label as string | undefined,
  };
}
