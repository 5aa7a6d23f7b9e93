import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage, nodeId, type Preimage, preimage as parsePreimage } from '../../../src/core/lightning/identifiers.ts';
import { directionFrom, feeOf, routesTo } from '../shared/channels-of.ts';
import { type CallContext, type Commands, command } from './command.ts';
import { type ClnContext, seconds } from './context.ts';
import type { Params } from './params.ts';
import { badParameter, CODE, Refusal } from './refusal.ts';
import type { SendPay, SendPays } from './send-pays.ts';

/** bLIP 3's record of a spontaneous payment's preimage. */
const KEYSEND_RECORD = 5482373484n;
const ONION_BYTES = 1366;
const KEY_BYTES = 33;

/** The parts that lightningd's own payment commands are made of: a route, an onion, sending it, waiting for it. */
export function onionCommands(context: ClnContext, sendPays: SendPays): Commands {
  return {
    getroutes: command('source destination amount_msat layers maxfee_msat [final_cltv] [maxdelay] [maxparts]', (params) =>
      getRoutes(context, params),
    ),
    createonion: command('hops assocdata [session_key] [onion_size]', (params) => createOnion(context, params)),
    sendonion: command(
      'onion first_hop payment_hash [label] [shared_secrets] [partid] [bolt11] [amount_msat] [destination] [localinvreqid] [groupid] [description] [total_amount_msat]',
      (params) => sendOnion(context, sendPays, params),
    ),
    waitsendpay: command('payment_hash [timeout] [partid] [groupid]', (params, call) => waitSendPay(context, sendPays, params, call)),
  };
}

function getRoutes(context: ClnContext, params: Params): unknown {
  const { network } = context;
  const from = network.nodes.byId(nodeId(params.nodeId('source')));
  const to = network.nodes.byId(nodeId(params.nodeId('destination')));
  const amountMsat = params.msat('amount_msat') as Msat;
  const routes =
    from === undefined || to === undefined ? undefined : routesTo(network, from.name, to.name, amountMsat, params.number('maxparts') ?? 16);
  if (routes === undefined) throw new Refusal(205, 'We could not find a usable set of paths.');
  if (feeOf(routes) > (params.msat('maxfee_msat') as Msat)) throw new Refusal(206, 'Could not find route without excessive cost');
  const finalCltv = params.number('final_cltv') ?? 9;
  return {
    probability_ppm: 1_000_000,
    routes: routes.map((route) => {
      const delays = route.hops.map((hop) => network.policy(hop.from, hop.channel).cltvDelta);
      const path = route.hops.map((hop, at) => {
        const { shortChannelId } = network.channels.need(hop.from, hop.channel, 'getroutes');
        const [source, end] = [network.nodes.need(hop.from).nodeId, network.nodes.need(hop.to).nodeId];
        const later = delays.slice(at + 1).reduce((sum, delay) => sum + delay, finalCltv);
        return {
          short_channel_id_dir: `${shortChannelId}/${directionFrom(source, end)}`,
          node_id_in: source,
          amount_in_msat: route.hops[at - 1]?.amountMsat ?? hop.amountMsat,
          cltv_in: at === 0 ? later : later + (delays[at] ?? 0),
          node_id_out: end,
          amount_out_msat: hop.amountMsat,
          cltv_out: later,
        };
      });
      return { probability_ppm: 1_000_000, amount_msat: route.amountMsat, final_cltv: finalCltv, path };
    }),
  };
}

/**
 * An onion of the right size that is not encrypted: the simulated network forwards by itself. What it holds is read again
 * by `sendonion`, each hop its key and then its payload with the length in front.
 */
function createOnion(context: ClnContext, params: Params): unknown {
  const hops = params.raw('hops');
  if (!Array.isArray(hops) || hops.length === 0) throw badParameter('hops', 'should be an array', hops);
  const body = hops.map(({ pubkey, payload }: { pubkey?: string; payload?: string }) => {
    if (!/^0[23][0-9a-f]{64}$/i.test(pubkey ?? '') || !/^([0-9a-f]{2})+$/i.test(payload ?? ''))
      throw badParameter('hops', 'a hop needs pubkey and payload', hops);
    return Buffer.from(`${pubkey}${payload}`, 'hex');
  });
  const onion = Buffer.alloc(ONION_BYTES);
  onion[1] = hops.length;
  if (Buffer.concat(body).copy(onion, 2) > ONION_BYTES - 2) throw new Refusal(CODE.invalidParams, 'the hops do not fit the onion');
  return { onion: onion.toString('hex'), shared_secrets: hops.map(() => context.randomHex(32)) };
}

async function sendOnion(context: ClnContext, sendPays: SendPays, params: Params): Promise<unknown> {
  const hash = params.hex('payment_hash', 32);
  const firstHop = (params.raw('first_hop') ?? {}) as { readonly amount_msat?: unknown };
  const sentMsat = BigInt(String(firstHop.amount_msat ?? '0').replace(/msat$/, ''));
  const last = lastHop(Buffer.from(params.text('onion'), 'hex'));
  const secret = last?.records.get(KEYSEND_RECORD)?.toString('hex');
  const amount = last?.records.get(2n);
  // Another onion could only be followed by who can take it apart; nobody here sends one.
  if (last === undefined || secret === undefined || amount === undefined)
    throw new Refusal(CODE.invalidParams, 'onion: no keysend is in it, and only those are emulated');
  const preimage: Preimage = parsePreimage(secret);
  if (hashOfPreimage(preimage) !== hash) throw new Refusal(204, 'failed: WIRE_INVALID_ONION_PAYLOAD (reply from remote)');
  if (context.network.payments.find(context.name, hashOfPreimage(preimage))?.status === 'pending') {
    throw new Refusal(200, 'Payment is still in progress');
  }
  const amountMsat = msat(BigInt(`0x0${amount.toString('hex')}`));
  sendPays.begin(hashOfPreimage(preimage));
  const request = { destination: nodeId(last.key), amountMsat, maxFeeMsat: msat(sentMsat - amountMsat), preimage, timeoutMs: 0 };
  await context.node.call('keysend', request);
  const [part] = sendPays.of(hash).slice(-1);
  if (part === undefined) throw new Refusal(204, 'failed: WIRE_TEMPORARY_CHANNEL_FAILURE (first peer not ready)');
  return { ...sendPays.view({ ...part, status: 'pending', preimage: undefined, completedAt: undefined, updatedIndex: undefined }) };
}

async function waitSendPay(context: ClnContext, sendPays: SendPays, params: Params, { signal }: CallContext): Promise<unknown> {
  const hash = params.hex('payment_hash', 32);
  if (sendPays.of(hash).length === 0) throw new Refusal(208, `Payment ${hash} was never requested`);
  const timeout = params.number('timeout');
  const ended = await context.waitFor({ signal, ...(timeout !== undefined && { timeoutMs: timeout * 1000 }) }, () => {
    const part = sendPays.of(hash).at(-1);
    return part?.status === 'pending' ? undefined : part;
  });
  if (ended === undefined) throw new Refusal(200, 'Timed out while waiting');
  if (ended.status === 'failed')
    throw new Refusal(203, 'failed: WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS (reply from remote)', failureData(sendPays, ended));
  return sendPays.view(ended);
}

function failureData(sendPays: SendPays, part: SendPay): unknown {
  const { payment_preimage: _, ...rest } = sendPays.view(part);
  return {
    ...rest,
    completed_at: part.completedAt ?? seconds(0),
    erring_index: 1,
    failcode: 16399,
    failcodename: 'WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS',
  };
}

function lastHop(onion: Buffer): { readonly key: string; readonly records: ReadonlyMap<bigint, Buffer> } | undefined {
  let at = 2;
  let found: { key: string; records: Map<bigint, Buffer> } | undefined;
  const bigSize = (): bigint => {
    const first = onion[at] ?? 0;
    const bytes = first < 0xfd ? 0 : first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
    const value = bytes === 0 ? BigInt(first) : BigInt(`0x${onion.subarray(at + 1, at + 1 + bytes).toString('hex')}`);
    at += 1 + bytes;
    return value;
  };
  for (let hop = 0; hop < (onion[1] ?? 0); hop += 1) {
    const key = onion.subarray(at, at + KEY_BYTES).toString('hex');
    at += KEY_BYTES;
    const end = Number(bigSize()) + at;
    const records = new Map<bigint, Buffer>();
    while (at < end) {
      const type = bigSize();
      const length = Number(bigSize());
      records.set(type, onion.subarray(at, at + length));
      at += length;
    }
    found = { key, records };
  }
  return found;
}
