import { channelsOf } from '../shared/channels-of.ts';
import { type CallContext, type Command, type Commands, command } from './command.ts';
import { type ClnContext, seconds } from './context.ts';
import type { IndexName, InvoiceBook } from './invoice-book.ts';
import type { Params } from './params.ts';
import { badParameter } from './refusal.ts';

/** The version that the recordings were made of. */
export const VERSION = 'v26.06';
const FEERATE = 1012;
const FEATURES = '808898880a8a59a1';

/** lightningd about itself, the network and the chain. */
export function nodeCommands(context: ClnContext, book: InvoiceBook, methods: () => readonly string[]): Commands {
  const { network, name } = context;
  let runes = 0;
  return {
    getinfo: command('', () => getInfo(context)),
    help: command('[command]', (params) => ({
      help: methods()
        .filter((method) => !params.has('command') || method === params.text('command'))
        .map((method) => ({ command: method })),
      'format-hint': 'simple',
    })),
    listnodes: command('[id]', (params) => ({
      nodes: network.nodes
        .list()
        .filter(({ nodeId }) => !params.has('id') || nodeId === params.nodeId('id'))
        .map((node) => ({
          nodeid: node.nodeId,
          alias: node.name,
          color: node.nodeId.slice(0, 6),
          last_timestamp: seconds(context.now()),
          features: FEATURES,
          addresses: [],
        })),
    })),
    feerates: command('style', (params) => feerates(params)),
    createrune: command('[rune] [restrictions]', () => {
      const uniqueId = String(runes++);
      return { rune: Buffer.from(context.randomHex(32) + uniqueId, 'hex').toString('base64url'), unique_id: uniqueId };
    }),
    wait: waitCommand(context, book),
    listconfigs: command('[config]', () => ({
      configs: { network: { value_str: 'regtest', source: 'cmdline' }, alias: { value_str: name, source: 'cmdline' } },
    })),
  };
}

function getInfo(context: ClnContext): unknown {
  const { network, name, self } = context;
  const channels = channelsOf(network, name);
  const count = (state: string) => channels.filter(({ record }) => record.state === state).length;
  const forwards = network.forwards(name, 0, Number.MAX_SAFE_INTEGER);
  return {
    id: self.nodeId,
    alias: name,
    color: self.nodeId.slice(0, 6),
    num_peers: network.peers.of(name).filter(({ connected }) => connected).length,
    num_pending_channels: count('pending'),
    num_active_channels: count('open'),
    num_inactive_channels: count('closing'),
    address: [],
    binding: [{ type: 'ipv4', address: '127.0.0.1', port: self.port }],
    version: VERSION,
    blockheight: network.chain.record.height,
    network: 'regtest',
    fees_collected_msat: forwards.reduce((sum, { inMsat, outMsat }) => sum + inMsat - outMsat, 0n),
    'lightning-dir': `${context.options.dir}/regtest`,
    our_features: { init: '800898880a8a59a1', node: FEATURES, channel: '', invoice: '02000002024100' },
  };
}

function feerates(params: Params): unknown {
  const style = params.text('style');
  if (style !== 'perkb' && style !== 'perkw') throw badParameter('style', "should be 'perkb' or 'perkw'", style);
  const rate = style === 'perkb' ? FEERATE : FEERATE / 4;
  return {
    [style]: {
      opening: rate,
      mutual_close: rate,
      unilateral_close: rate,
      unilateral_anchor_close: rate * 5,
      penalty: rate,
      splice: rate,
      min_acceptable: rate,
      max_acceptable: rate * 10,
      floor: rate,
      estimates: [2, 6, 12, 100].map((blockcount) => ({ blockcount, feerate: rate, smoothed_feerate: rate })),
    },
    onchain_fee_estimates: {
      opening_channel_satoshis: 177,
      mutual_close_satoshis: 170,
      unilateral_close_satoshis: 1390,
      unilateral_close_nonanchor_satoshis: 151,
      htlc_timeout_satoshis: 167,
      htlc_success_satoshis: 177,
    },
  };
}

/** `wait`: for an index of the invoices to reach a value; 0 asks where it stands. */
function waitCommand(context: ClnContext, book: InvoiceBook): Command {
  return command('subsystem indexname nextvalue', async (params, { signal }: CallContext) => {
    const subsystem = params.text('subsystem');
    const index = params.text('indexname');
    if (subsystem !== 'invoices') throw badParameter('subsystem', "should be 'invoices' here: others are not emulated", subsystem);
    if (!['created', 'updated', 'deleted'].includes(index))
      throw badParameter('indexname', "should be 'created', 'updated' or 'deleted'", index);
    const wanted = params.number('nextvalue') ?? 0;
    const reached = await context.waitFor({ signal }, () => {
      const head = book.head(index as IndexName);
      return head >= wanted ? head : undefined;
    });
    return { subsystem, [index]: reached ?? 0 };
  });
}
