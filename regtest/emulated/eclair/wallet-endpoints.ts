import type { TransactionRecord } from '../../../src/adapters/simulated/network/records.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import { toSimulatedAddress } from '../shared/addresses.ts';
import { channelsOf } from '../shared/channels-of.ts';
import { offChainView } from './channel-view.ts';
import type { EclairContext, Endpoints } from './context.ts';
import { ApiRefusal } from './refusal.ts';
import { hexOf } from './update-view.ts';

/** The wallet of the bitcoind behind eclair. */
export function walletEndpoints(context: EclairContext): Endpoints {
  const { network, name } = context;
  let address: string | undefined;
  const satoshi = (amountMsat: bigint) => amountMsat / 1000n;
  return {
    getnewaddress: async () => {
      address = await context.node.call('newAddress', {});
      return address;
    },
    onchainbalance: async () => {
      const { confirmedMsat, unconfirmedMsat } = await context.node.call('walletBalance', {});
      return { confirmed: satoshi(confirmedMsat), unconfirmed: satoshi(unconfirmedMsat) };
    },
    onchaintransactions: (form) => {
      const [count, skip] = [form.number('count'), form.number('skip')];
      const entries = network.transactions(name).flatMap((record) => entriesOf(context, record, address ?? network.chain.newAddress(name)));
      // As bitcoind does, counted from the newest.
      return entries.reverse().slice(skip, skip + count);
    },
    sendonchain: async (form) => {
      const rate = form.optionalNumber('feeRatePerByte');
      if (rate === undefined) form.number('confirmationTarget');
      try {
        const sent = await context.node.call('send', {
          address: toSimulatedAddress(form.text('address')),
          amountMsat: form.sat('amountSatoshis'),
          ...(rate !== undefined && { feeRateSatPerVbyte: rate }),
        });
        return sent.txId;
      } catch (error) {
        if (isLightningError(error, 'INVALID_ARGUMENT')) throw new ApiRefusal(400, 'invalid address (InvalidAddress)');
        if (isLightningError(error, 'INSUFFICIENT_FUNDS')) throw new ApiRefusal(500, 'JsonRPCError(Error(-4,Insufficient funds))');
        throw error;
      }
    },
    globalbalance: () => {
      const bitcoin = (amountMsat: bigint) => Number(satoshi(amountMsat)) / 1e8;
      const channels = channelsOf(network, name);
      const [confirmed, incoming] = [context.self.walletMsat, network.chain.incomingMsat(name)];
      const inChannels = channels.filter(({ record }) => record.state !== 'closed').reduce((sum, { localMsat }) => sum + localMsat, 0n);
      const output = (text: string) => `${hexOf(`${text} ${name}`, 32)}:0`;
      return {
        total: bitcoin(confirmed + incoming + inChannels),
        onChain: {
          total: bitcoin(confirmed + incoming),
          deeplyConfirmed: { [output('confirmed')]: bitcoin(confirmed) },
          recentlyConfirmed: {},
          unconfirmed: incoming === 0n ? {} : { [output('unconfirmed')]: bitcoin(incoming) },
        },
        offChain: offChainView(channels),
      };
    },
  };
}

/** What bitcoind lists of a transaction: one entry for each address that something went to, or came to. */
function entriesOf({ network, name }: EclairContext, record: TransactionRecord, address: string): readonly unknown[] {
  const height = network.chain.record.height;
  const common = {
    confirmations: record.height === undefined ? 0 : height - record.height + 1,
    txid: record.txId,
    timestamp: Math.floor(record.at / 1000),
    ...(record.height !== undefined && { blockId: hexOf(`block ${record.height}`, 32) }),
  };
  const isOurs = record.payer === name;
  const sent = isOurs
    ? record.outputs.map(({ amountMsat }) => ({ address, amount: -(amountMsat / 1000n), fees: -(record.feeMsat / 1000n), ...common }))
    : [];
  const received = record.outputs
    .filter(({ to }) => typeof to === 'object' && to.node === name)
    .map(({ amountMsat }) => ({ address, amount: amountMsat / 1000n, fees: 0, ...common }));
  return [...sent, ...received];
}
