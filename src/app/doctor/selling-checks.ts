import { inSat } from '../../client/quote-check.ts';
import { type Msat, sumMsat } from '../../core/lightning/amount.ts';
import type { Capabilities } from '../../core/lightning/capabilities.ts';
import { unseen } from './connection-checks.ts';
import type { Check, Purpose, Rights } from './diagnosis.ts';
import type { Asked, Observations, TinyInvoice } from './observe.ts';

const SKEW_OK_MS = 5_000;
const SKEW_FAIL_MS = 600_000;

/** What the answers show that the credential may do; undefined where too little was asked. */
export function rightsOf({ info, invoice, channels, payments, spending }: Observations): Rights | undefined {
  if (invoice === undefined || channels === undefined || payments === undefined || spending === undefined) return undefined;
  const may = (asked: Asked<unknown>) => !('error' in asked) || asked.error.code !== 'UNAUTHENTICATED';
  const reads = [info, channels, payments].map(may);
  if (may(invoice) && may(spending) && reads.every(Boolean)) return 'full';
  if (may(invoice) && !may(spending) && !reads.some(Boolean)) return 'invoices-only';
  if (!may(invoice) && !may(spending) && reads.every(Boolean)) return 'read-only';
  return 'partial';
}

/** Whether the credential is enough, and not too much. */
export function checkRights(observations: Observations, capabilities: Capabilities, purpose: Purpose, kind: string): Check {
  const name = 'rights';
  const rights = rightsOf(observations);
  if (rights === undefined) return unseen(name);
  const words = { full: 'full', 'read-only': 'read-only', 'invoices-only': 'invoices only', partial: 'some, not all' } as const;
  const { invoice, spending } = observations;
  const refused = (asked: Asked<unknown> | undefined) => asked !== undefined && 'error' in asked && asked.error.code === 'UNAUTHENTICATED';
  if (purpose === 'pay') {
    if (!refused(spending)) return { name, status: 'ok', detail: words[rights] };
    return {
      name,
      status: 'fail',
      detail: `${words[rights]}: it can't pay`,
      advice: 'paying needs a credential with full rights (docs/backends.md)',
    };
  }
  if (refused(invoice)) {
    return {
      name,
      status: 'fail',
      detail: `${words[rights]}: it can't make invoices`,
      advice: 'give it a credential that can (docs/backends.md, Credentials)',
    };
  }
  if (rights === 'invoices-only') return { name, status: 'ok', detail: 'invoices only: all that selling needs' };
  if (refused(spending)) return { name, status: 'ok', detail: `${words[rights]}; it can't spend` };
  if (!capabilities.invoiceOnlyCredential) {
    return {
      name,
      status: 'ok',
      detail: `${words[rights]}; ${kind} has no credential for invoices only`,
      advice: 'whoever has this credential can spend: keep it and this machine as safe as the node',
    };
  }
  return {
    name,
    status: 'warn',
    detail: `${words[rights]}: it can spend, which selling does not need`,
    advice: 'give the server the credential for invoices only (of lnd, macaroon: invoice.macaroon)',
  };
}

/** Whether an invoice can be made, found again and withdrawn. */
export function checkInvoice(asked: Asked<TinyInvoice> | undefined, capabilities: Capabilities, purpose: Purpose): Check {
  const name = 'invoices';
  if (asked === undefined) return unseen(name);
  if ('error' in asked) {
    if (purpose === 'pay') return { name, status: 'unseen', detail: asked.error.message };
    return { name, status: 'fail', detail: `none can be made: ${asked.error.message}`, advice: 'without invoices nothing can be sold' };
  }
  const { lookedUp, cancelled } = asked.value;
  if ('error' in lookedUp || lookedUp.value === undefined) {
    const why = 'error' in lookedUp ? lookedUp.error.message : 'the node does not find it';
    return {
      name,
      status: 'fail',
      detail: `one was made and can't be looked up: ${why}`,
      advice: 'payments could not be seen: nothing can be sold',
    };
  }
  if ('error' in cancelled) {
    const detail = `one of 1 sat was made and could not be withdrawn: ${cancelled.error.message}`;
    return { name, status: capabilities.cancelInvoice ? 'warn' : 'ok', detail, advice: 'it expires by itself within a minute' };
  }
  return { name, status: 'ok', detail: 'one of 1 sat was made, found and withdrawn' };
}

/** How far the node's clock is from ours, by the time that stands in a fresh invoice, which has whole seconds; undefined without one. */
export function clockSkew(asked: Asked<TinyInvoice> | undefined): number | undefined {
  if (asked === undefined || 'error' in asked) return undefined;
  const { invoice, before, after } = asked.value;
  if (invoice.createdAt > after) return Math.round(invoice.createdAt - after);
  const latest = invoice.createdAt + 999;
  return latest < before ? Math.round(latest - before) : 0;
}

/** Whether the two clocks agree well enough for quotes to expire when they should. */
export function checkClock(asked: Asked<TinyInvoice> | undefined): Check {
  const name = 'clock';
  const skew = clockSkew(asked);
  if (skew === undefined) return { name, status: 'unseen', detail: 'no invoice to read its clock from' };
  const away = Math.abs(skew);
  if (away < SKEW_OK_MS)
    return {
      name,
      status: 'ok',
      detail: away < 1000 ? 'as ours' : `${(away / 1000).toFixed(1)} s ${skew > 0 ? 'ahead of' : 'behind'} ours`,
    };
  return {
    name,
    status: away < SKEW_FAIL_MS ? 'warn' : 'fail',
    detail: `the node's is ${Math.round(away / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} ours`,
    advice: 'let both machines keep time (NTP): invoices expire by the one clock and quotes by the other',
  };
}

/** Sums over the channels that can be used now; undefined where they can't be seen. */
export function capacityOf({
  channels,
}: Observations): { readonly inboundMsat: Msat; readonly outboundMsat: Msat; readonly count: number } | undefined {
  if (channels === undefined || 'error' in channels) return undefined;
  return {
    inboundMsat: sumMsat(channels.value.map(({ remoteMsat }) => remoteMsat)),
    outboundMsat: sumMsat(channels.value.map(({ localMsat }) => localMsat)),
    count: channels.value.length,
  };
}

/** Whether the node can be paid, and the price of what is sold at least. */
export function checkInbound(observations: Observations, purpose: Purpose, priceMsat: Msat | undefined): Check {
  const name = 'inbound';
  const capacity = capacityOf(observations);
  if (capacity === undefined) return notSeen(name, observations);
  const detail = `can receive about ${inSat(capacity.inboundMsat)} over ${channelCount(capacity.count)}`;
  if (purpose === 'pay') return { name, status: 'ok', detail };
  if (capacity.inboundMsat === 0n) {
    return {
      name,
      status: 'fail',
      detail,
      advice: 'let somebody open a channel to this node, or open one with a push amount, or pay out over the ones there are',
    };
  }
  if (priceMsat !== undefined && capacity.inboundMsat < priceMsat) {
    return {
      name,
      status: 'fail',
      detail: `${detail}; one symbol costs ${inSat(priceMsat)}`,
      advice: 'get more inbound capacity, or lower the price',
    };
  }
  return { name, status: 'ok', detail };
}

/** Whether the node can pay. A seller's needs not. */
export function checkOutbound(observations: Observations, purpose: Purpose): Check {
  const name = 'outbound';
  const capacity = capacityOf(observations);
  if (capacity === undefined) return notSeen(name, observations);
  const detail = `can send about ${inSat(capacity.outboundMsat)} over ${channelCount(capacity.count)}`;
  if (purpose === 'sell' || capacity.outboundMsat > 0n) return { name, status: 'ok', detail };
  return { name, status: 'fail', detail, advice: 'open a channel from this node with money of its own' };
}

function notSeen(name: string, { channels }: Observations): Check {
  if (channels === undefined || !('error' in channels) || channels.error.code === 'UNAUTHENTICATED') return unseen(name);
  return { name, status: 'warn', detail: `the channels can't be listed: ${channels.error.message}` };
}

function channelCount(count: number): string {
  return count === 1 ? '1 channel' : `${count} channels`;
}
