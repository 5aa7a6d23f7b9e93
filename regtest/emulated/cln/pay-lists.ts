import { type Commands, command } from './command.ts';
import type { Params } from './params.ts';
import { badParameter } from './refusal.ts';
import type { SendPay, SendPays } from './send-pays.ts';

/** `listsendpays` and `listpays`: what was sent, by parts and by attempts. */
export function payListCommands(sendPays: SendPays): Commands {
  return {
    listsendpays: command('[bolt11] [payment_hash] [status] [index] [start] [limit]', (params) => {
      const rows = chosen(sendPays, params).filter(({ createdIndex }) => createdIndex >= (params.number('start') ?? 1));
      return { payments: rows.slice(0, params.number('limit') ?? rows.length).map((row) => sendPays.view(row)) };
    }),
    listpays: command('[bolt11] [payment_hash] [status] [index] [start] [limit]', (params) => {
      const rows = chosen(sendPays, params).filter(({ createdIndex }) => createdIndex >= (params.number('start') ?? 1));
      const groups = [...Map.groupBy(rows, (row) => `${row.hash} ${row.groupId}`).values()];
      const pays = groups.map(toPay).filter(({ status }) => !params.has('status') || status === params.text('status'));
      return { pays: pays.slice(0, params.number('limit') ?? pays.length) };
    }),
  };
}

function chosen(sendPays: SendPays, params: Params): readonly SendPay[] {
  const index = params.optionalText('index');
  if (index !== undefined && index !== 'created') throw badParameter('index', "should be 'created'", index);
  const hash = params.optionalHex('payment_hash', 32);
  const bolt11 = params.optionalText('bolt11')?.toLowerCase();
  return (hash === undefined ? sendPays.all() : sendPays.of(hash)).filter((row) => bolt11 === undefined || row.bolt11 === bolt11);
}

/** The parts of one attempt together. */
function toPay(parts: readonly SendPay[]) {
  const first = parts[0] as SendPay;
  const complete = parts.filter(({ status }) => status === 'complete');
  const pending = parts.filter(({ status }) => status === 'pending');
  const counted = complete.length > 0 ? complete : pending;
  const status = complete.length > 0 ? 'complete' : pending.length > 0 ? 'pending' : 'failed';
  const sum = (field: 'amountMsat' | 'sentMsat') => counted.reduce((total, part) => total + part[field], 0n);
  return {
    bolt11: first.bolt11,
    destination: first.destination,
    payment_hash: first.hash,
    status,
    created_at: first.createdAt,
    completed_at: status === 'complete' ? Math.max(...complete.map(({ completedAt }) => completedAt ?? 0)) : undefined,
    preimage: complete[0]?.preimage,
    amount_msat: counted.length === 0 ? undefined : sum('amountMsat'),
    amount_sent_msat: counted.length === 0 ? 0n : sum('sentMsat'),
    created_index: first.createdIndex,
    updated_index: status === 'complete' ? parts.at(-1)?.updatedIndex : undefined,
  };
}
