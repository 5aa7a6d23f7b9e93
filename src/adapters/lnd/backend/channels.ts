import { msat, sumMsat, toSatExact } from '../../../core/lightning/amount.ts';
import type {
  Channel,
  ChannelBalances,
  ChannelPolicy,
  ChannelState,
  Channels,
  CloseStage,
  Forward,
  OpenChannel,
  Rebalance,
} from '../../../core/lightning/channel.ts';
import type { CallOptions, Page, PageRequest } from '../../../core/lightning/common.ts';
import { LightningError } from '../../../core/lightning/errors.ts';
import { type Outpoint, outpoint, type PaymentHash, txIdFromInternalBytes } from '../../../core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../../core/lightning/payment.ts';
import { toClosedChannel, toOpenChannel, toPendingChannel, toPolicy } from '../mapping/channel.ts';
import { toForward } from '../mapping/payment.ts';
import {
  type LndPolicyUpdate,
  lndChannelEdge,
  lndChannelPoint,
  lndChannels,
  lndClosedChannels,
  lndPendingChannels,
  lndPolicyUpdate,
} from '../schema/channel.ts';
import { lndForwards } from '../schema/payment.ts';
import { type CloseRequest, closeChannel } from './close-channel.ts';
import { type LndContext, toRange } from './context.ts';
import type { LndPaymentDriver } from './payment-driver.ts';
import { rebalance } from './rebalance.ts';

const OPEN = 'channels.open';
const SET_POLICY = 'channels.setPolicy';
const OPEN_TIMEOUT_MS = 120_000;
const IN_GRAPH_MS = 10_000;
const POLL_MS = 250;
const DAY_SECONDS = 86_400;

/** Channels of lnd. Its balances are whole satoshi. */
export class LndChannels implements Channels {
  readonly #context: LndContext;
  readonly #payments: LndPaymentDriver;

  constructor(context: LndContext, payments: LndPaymentDriver) {
    this.#context = context;
    this.#payments = payments;
  }

  async open(request: OpenChannel, options: CallOptions = {}): Promise<{ readonly outpoint: Outpoint }> {
    const { peer, localFundingMsat, pushMsat = msat(0), private: isPrivate = false, feeRateSatPerVbyte } = request;
    const point = await this.#context.client.unary(
      {
        operation: OPEN,
        service: 'default',
        method: 'openChannelSync',
        request: {
          node_pubkey: Buffer.from(peer, 'hex'),
          local_funding_amount: wholeSat(localFundingMsat, 'funding amount'),
          push_sat: wholeSat(pushMsat, 'push amount'),
          private: isPrivate,
          ...(feeRateSatPerVbyte !== undefined && { sat_per_vbyte: String(feeRateSatPerVbyte) }),
        },
        schema: lndChannelPoint,
        timeoutMs: OPEN_TIMEOUT_MS,
      },
      options,
    );
    return { outpoint: outpoint(`${txIdFromInternalBytes(point.funding_txid_bytes)}:${point.output_index}`) };
  }

  async list(filter: { readonly state?: ChannelState } = {}, options: CallOptions = {}): Promise<readonly Channel[]> {
    const { state } = filter;
    if (state === 'closed') return await this.#closed(options);
    const isOpen = state === 'active' || state === 'inactive';
    const isPending = state === 'pending' || state === 'closing';
    const channels = [...(isPending ? [] : await this.#open(options)), ...(isOpen ? [] : await this.#pending(options))];
    return state === undefined ? channels : channels.filter((channel) => channel.state === state);
  }

  close(channel: Outpoint, request: CloseRequest = {}, options: CallOptions = {}): AsyncIterable<CloseStage> {
    return closeChannel(this.#context, channel, request, options);
  }

  async setPolicy(channel: Outpoint | 'all', policy: ChannelPolicy, options: CallOptions = {}): Promise<void> {
    const { clock } = this.#context;
    const deadline = clock.now() + IN_GRAPH_MS;
    for (;;) {
      const failed = await this.#updatePolicy(channel, policy, options);
      // Of all channels, those still pending can't have a policy yet.
      if (failed === undefined || channel === 'all') return;
      const { reason, update_error } = failed;
      if (reason !== 'UPDATE_FAILURE_UNKNOWN' || clock.now() > deadline) {
        const code = reason === 'UPDATE_FAILURE_NOT_FOUND' ? 'NOT_FOUND' : reason === 'UPDATE_FAILURE_PENDING' ? 'CONFLICT' : 'REJECTED';
        throw new LightningError(code, `lnd did not set the policy: ${update_error}`, { operation: SET_POLICY });
      }
      // A channel is usable a moment before lnd has it in its graph, and then has nowhere to put the policy.
      await clock.sleep(POLL_MS, options.signal);
    }
  }

  async policy(channel: Outpoint, options: CallOptions = {}): Promise<ChannelPolicy> {
    const operation = 'channels.policy';
    const edge = await this.#context.client.unary(
      { operation, service: 'default', method: 'getChanInfo', request: { chan_point: channel }, schema: lndChannelEdge },
      options,
    );
    const policy = toPolicy(edge, (await this.#context.identity(options)).nodeId);
    if (policy === undefined) throw new LightningError('NOT_FOUND', 'we have no policy for this channel', { operation });
    return policy;
  }

  /** @inheritdoc Of the listed channels, in whole satoshi: lnd's own sum has the fractions that its list does not show. */
  async balances(options: CallOptions = {}): Promise<ChannelBalances> {
    const [open, pending] = await Promise.all([this.#open(options), this.#pending(options)]);
    const opening = pending.filter(({ state }) => state === 'pending');
    return {
      localMsat: sumMsat(open.map(({ localMsat }) => localMsat)),
      remoteMsat: sumMsat(open.map(({ remoteMsat }) => remoteMsat)),
      pendingLocalMsat: sumMsat(opening.map(({ localMsat }) => localMsat)),
    };
  }

  async forwards(request: PageRequest = {}, options: CallOptions = {}): Promise<Page<Forward>> {
    const { offset, limit } = toRange(request, 'channels.forwards');
    const page = await this.#context.client.unary(
      {
        operation: 'channels.forwards',
        service: 'default',
        method: 'forwardingHistory',
        request: {
          start_time: '0',
          end_time: String(Math.ceil(this.#context.clock.now() / 1000) + DAY_SECONDS),
          index_offset: Number(offset),
          num_max_events: limit,
        },
        schema: lndForwards,
      },
      options,
    );
    return {
      items: page.forwarding_events.map(toForward),
      next: page.forwarding_events.length < limit ? undefined : String(page.last_offset_index),
    };
  }

  async rebalance(request: Rebalance, options: CallOptions = {}): Promise<PaymentOutcome & { readonly paymentHash: PaymentHash }> {
    return await rebalance(this.#context, this.#payments, await this.list({ state: 'active' }, options), request, options);
  }

  async #updatePolicy(
    channel: Outpoint | 'all',
    { baseFeeMsat, feeRatePpm, cltvDelta }: ChannelPolicy,
    options: CallOptions,
  ): Promise<LndPolicyUpdate['failed_updates'][number] | undefined> {
    const [funding, index] = channel.split(':');
    const scope = channel === 'all' ? { global: true } : { chan_point: { funding_txid_str: funding, output_index: Number(index) } };
    const request = { ...scope, base_fee_msat: baseFeeMsat.toString(), fee_rate_ppm: feeRatePpm, time_lock_delta: cltvDelta };
    const { failed_updates: failed } = await this.#context.client.unary(
      { operation: SET_POLICY, service: 'default', method: 'updateChannelPolicy', request, schema: lndPolicyUpdate },
      options,
    );
    return failed[0];
  }

  async #open(options: CallOptions): Promise<Channel[]> {
    const { channels } = await this.#context.client.unary(
      { operation: 'channels.list', service: 'default', method: 'listChannels', request: {}, schema: lndChannels },
      options,
    );
    return channels.map(toOpenChannel);
  }

  async #pending(options: CallOptions): Promise<Channel[]> {
    const pending = await this.#context.client.unary(
      { operation: 'channels.list', service: 'default', method: 'pendingChannels', request: {}, schema: lndPendingChannels },
      options,
    );
    return [
      ...pending.pending_open_channels.map(({ channel }) => toPendingChannel(channel, 'pending')),
      ...pending.waiting_close_channels.map(({ channel, closing_txid }) => toPendingChannel(channel, 'closing', closing_txid)),
    ];
  }

  async #closed(options: CallOptions): Promise<Channel[]> {
    const call = { operation: 'channels.list', service: 'default', request: {} } as const;
    const [{ channels }, pending] = await Promise.all([
      this.#context.client.unary({ ...call, method: 'closedChannels', schema: lndClosedChannels }, options),
      this.#context.client.unary({ ...call, method: 'pendingChannels', schema: lndPendingChannels }, options),
    ]);
    const forced = pending.pending_force_closing_channels.map(({ channel, closing_txid }) =>
      toPendingChannel(channel, 'closed', closing_txid),
    );
    return [...channels.map(toClosedChannel), ...forced];
  }
}

function wholeSat(amount: OpenChannel['localFundingMsat'], what: string): string {
  try {
    return toSatExact(amount).toString();
  } catch {
    throw new LightningError('INVALID_ARGUMENT', `the ${what} is not a whole number of satoshi`, { operation: OPEN });
  }
}
