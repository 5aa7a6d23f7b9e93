import { type EmulatedNetwork, emulatedNetwork } from '../../../regtest/emulated/network.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage, preimage } from '../../../src/core/lightning/identifiers.ts';
import { type ClnAnswer, ClnSocket } from './cln-socket.ts';

const SECRET = preimage('22'.repeat(32));
const MANY_SAT = 100_000_000;
const WAIT_MS = 10_000;

type Invoice = { readonly payment_hash: string; readonly bolt11: string };

/** Brings an emulated Core Lightning into each state that was recorded and asks there what was asked then. */
export async function clnScenario(): Promise<ReadonlyMap<string, ClnAnswer>> {
  await using network = await emulatedNetwork({ payer: 'cln' });
  using socket = await ClnSocket.open(network.node('payer').config['lightningDir'] as string);
  const answers = new Map<string, ClnAnswer>();
  const asked: Asked = async (name, method, params = {}) => {
    const answer = await socket.ask(method, params);
    answers.set(name, answer);
    return ('result' in answer ? answer.result : {}) as Readonly<Record<string, unknown>>;
  };
  const people = { bob: network.simulated.nodes.need('bob'), carol: network.simulated.nodes.need('carol') };
  const context: Scenario = { network, socket, asked, ...people };
  await wallet(context);
  const first = await channel(context);
  await invoices(context);
  await payments(context);
  await chain(context);
  await closing(context, first);
  return answers;
}

type Asked = (name: string, method: string, params?: unknown) => Promise<Readonly<Record<string, unknown>>>;

interface Scenario {
  readonly network: EmulatedNetwork;
  readonly socket: ClnSocket;
  readonly asked: Asked;
  readonly bob: { readonly nodeId: string; readonly port: number };
  readonly carol: { readonly nodeId: string; readonly port: number };
}

async function wallet({ network, asked, bob, carol }: Scenario): Promise<void> {
  await asked('getinfo', 'getinfo');
  await asked('unknown method', 'nosuchmethod');
  await asked('bad parameter', 'invoice', { amount_msat: 'x', label: 'l', description: 'd' });
  await asked('missing parameter', 'invoice');
  const { p2tr } = await asked('newaddr', 'newaddr', { addresstype: 'p2tr' });
  await asked('listfunds empty', 'listfunds');
  await asked('fundchannel without funds', 'fundchannel', { id: bob.nodeId, amount: 1_000_000 });
  await network.bitcoin.sendToAddress(p2tr as string, MANY_SAT);
  await network.mine(1);
  await asked('listfunds confirmed output', 'listfunds');
  await asked('listtransactions', 'listtransactions');
  await asked('connect refused', 'connect', { id: carol.nodeId, host: '127.0.0.1', port: 1 });
  await asked('connect', 'connect', { id: bob.nodeId, host: '127.0.0.1', port: bob.port });
  await asked('listpeers', 'listpeers');
}

async function channel({ network, asked, bob }: Scenario): Promise<string> {
  await asked('fundchannel', 'fundchannel', { id: bob.nodeId, amount: 2_000_000, push_msat: 900_000_000, announce: true });
  await asked('listpeerchannels awaiting lockin', 'listpeerchannels');
  await network.mine(3);
  const { channels } = await asked('listpeerchannels normal', 'listpeerchannels');
  await asked('listfunds with channel', 'listfunds');
  const [{ short_channel_id: id }] = channels as [{ short_channel_id: string }];
  await asked('setchannel', 'setchannel', { id, feebase: 1000, feeppm: 10 });
  await asked('setchannel unknown', 'setchannel', { id: '1x1x1', feebase: 1 });
  await network.control.call('fund', { node: 'bob', amountMsat: sat(MANY_SAT) });
  await network.control.call('openChannel', { from: 'bob', to: 'carol', capacityMsat: sat(2_000_000), confirm: true });
  return id;
}

async function invoices({ network, socket, asked }: Scenario): Promise<void> {
  const description = 'Invoice:trade| AAPL GOOGL\n';
  const made = (await asked('invoice', 'invoice', {
    amount_msat: 200_500,
    label: 'inv-1',
    description,
    expiry: 3600,
  })) as unknown as Invoice;
  await asked('invoice duplicate label', 'invoice', { amount_msat: 1, label: 'inv-1', description: 'd' });
  await asked('invoice description hash', 'invoice', {
    amount_msat: 1000,
    label: 'dh',
    description: 'a long description',
    deschashonly: true,
  });
  await asked('invoice any amount', 'invoice', { amount_msat: 'any', label: 'inv-2any', description: 'd', expiry: 3600 });
  const withPreimage = { amount_msat: 1000, description: 'd', preimage: '11'.repeat(32) };
  await asked('invoice with preimage', 'invoice', { ...withPreimage, label: 'pre' });
  await asked('invoice duplicate preimage', 'invoice', { ...withPreimage, label: 'pre2' });
  await asked('listinvoices by hash', 'listinvoices', { payment_hash: made.payment_hash });
  await asked('listinvoices unknown hash', 'listinvoices', { payment_hash: '00'.repeat(32) });
  await asked('listinvoices by label', 'listinvoices', { label: 'inv-1' });
  await asked('listinvoices page', 'listinvoices', { index: 'created', start: 1, limit: 2 });
  await network.control.call('openChannel', { from: 'bob', to: 'alice', capacityMsat: sat(50_000), private: true, confirm: true });
  const hinted = await socket.result<Invoice>('invoice', { amount_msat: 5, label: 'hinted', description, exposeprivatechannels: true });
  await asked('decode bolt11', 'decode', { string: hinted.bolt11 });
  await asked('decode garbage', 'decode', { string: 'lnbc1garbage' });
  await asked('waitanyinvoice timeout', 'waitanyinvoice', { lastpay_index: 0, timeout: 1 });
  const waiting = asked('waitanyinvoice settles', 'waitanyinvoice', { lastpay_index: 0, timeout: 60 });
  await socket.result('getinfo');
  network.simulated.pay('bob', { paymentRequest: made.bolt11, maxFeeMsat: msat(0) });
  await waiting;
  await asked('waitanyinvoice backlog', 'waitanyinvoice', { lastpay_index: 0, timeout: 1 });
  await asked('waitinvoice paid', 'waitinvoice', { label: 'inv-1' });
  await asked('listinvoices paid', 'listinvoices', { payment_hash: made.payment_hash });
  await asked('delinvoice paid as unpaid', 'delinvoice', { label: 'inv-1', status: 'unpaid' });
  await asked('delinvoice unpaid', 'delinvoice', { label: 'dh', status: 'unpaid' });
  await asked('delinvoice unknown', 'delinvoice', { label: 'nope', status: 'unpaid' });
  await asked('invoice short expiry', 'invoice', { amount_msat: 1000, label: 'exp', description: 'd', expiry: 1 });
  await waitUntil('it has expired', async () => await isExpired(socket), WAIT_MS);
  await asked('listinvoices expired', 'listinvoices', { label: 'exp' });
  await asked('waitinvoice expired', 'waitinvoice', { label: 'exp' });
  await asked('wait invoices updated nextvalue 0', 'wait', { subsystem: 'invoices', indexname: 'updated', nextvalue: 0 });
}

async function isExpired(socket: ClnSocket): Promise<boolean> {
  const { invoices: found } = await socket.result<{ invoices: readonly { status: string }[] }>('listinvoices', { label: 'exp' });
  return found[0]?.status === 'expired';
}

async function payments({ network, socket, asked, bob }: Scenario): Promise<void> {
  const invoiceOf = (node: string, amountSat: number | 'any') =>
    network.simulated.invoices.create(node, {
      amountMsat: amountSat === 'any' ? 'any' : sat(amountSat),
      description: 'hello',
      expirySeconds: 3600,
    });
  const paid = invoiceOf('bob', 300);
  await asked('xpay', 'xpay', { invstring: paid.paymentRequest });
  await asked('xpay already paid', 'xpay', { invstring: paid.paymentRequest });
  await asked('pay already paid', 'pay', { bolt11: paid.paymentRequest });
  await asked('listpays complete', 'listpays', { payment_hash: paid.paymentHash });
  await asked('listsendpays complete', 'listsendpays', { payment_hash: paid.paymentHash });
  await asked('listpays unknown', 'listpays', { payment_hash: '00'.repeat(32) });
  await asked('pay', 'pay', { bolt11: invoiceOf('bob', 300).paymentRequest, maxfee: 1000, retry_for: 10 });
  const open = invoiceOf('bob', 'any').paymentRequest;
  await asked('xpay amountless without amount', 'xpay', { invstring: open });
  await asked('xpay amountless', 'xpay', { invstring: open, amount_msat: 5000, maxfee: '0msat' });
  const tooMuch = invoiceOf('bob', 1_500_000);
  await asked('xpay more than balance', 'xpay', { invstring: tooMuch.paymentRequest, retry_for: 5 });
  await asked('listpays failed', 'listpays', { payment_hash: tooMuch.paymentHash });
  const expired = await socket.result<{ invoices: readonly Invoice[] }>('listinvoices', { label: 'exp' });
  await asked('xpay expired', 'xpay', { invstring: expired.invoices[0]?.bolt11 });
  await asked('xpay unreachable node', 'xpay', { invstring: invoiceOf('carol', 100).paymentRequest, retry_for: 5 });
  await asked('xpay amount on fixed invoice', 'xpay', { invstring: invoiceOf('carol', 100).paymentRequest, amount_msat: 5 });
  const own = await socket.result<Invoice>('invoice', { amount_msat: 1000, label: 'own', description: 'd' });
  await asked('xpay own invoice', 'xpay', { invstring: own.bolt11, retry_for: 5 });
  await asked('listpays all', 'listpays');
  await asked('keysend', 'keysend', { destination: bob.nodeId, amount_msat: 1000 });
  await asked('xkeysend', 'xkeysend', { destination: bob.nodeId, amount_msat: 1000 });
  const hash = hashOfPreimage(SECRET);
  const hold = { amountMsat: sat(500), description: '', expirySeconds: 3600, hold: { paymentHash: hash } };
  const held = network.simulated.invoices.create('bob', hold).paymentRequest;
  const paying = asked('xpay held then settled', 'xpay', { invstring: held, retry_for: 60 });
  await waitUntil('it is held', async () => network.simulated.invoices.find('bob', hash)?.state === 'held', WAIT_MS);
  await asked('listpays pending', 'listpays', { payment_hash: hash });
  await asked('xpay while pending', 'xpay', { invstring: held, retry_for: 3 });
  network.simulated.invoices.settleHeld('bob', SECRET);
  await paying;
}

async function chain({ network, asked, bob, carol }: Scenario): Promise<void> {
  await asked('listforwards', 'listforwards');
  await asked('createrune readonly', 'createrune', { restrictions: 'readonly' });
  await asked('createrune invoices', 'createrune', { restrictions: [['method=invoice', 'method=listinvoices', 'method=waitanyinvoice']] });
  await asked('feerates', 'feerates', { style: 'perkb' });
  await asked('listnodes', 'listnodes');
  await asked('withdraw', 'withdraw', { destination: 'mkMYDnCEFC6Mbrp1fEwmwt5mZQdBBntxfK', satoshi: 10_000 });
  await asked('withdraw bad address', 'withdraw', { destination: 'nope', satoshi: 10_000 });
  await network.mine(1);
  await asked('fundchannel too small', 'fundchannel', { id: bob.nodeId, amount: 100 });
  await asked('connect lnd2', 'connect', { id: carol.nodeId, host: '127.0.0.1', port: carol.port });
  await asked('disconnect', 'disconnect', { id: carol.nodeId });
  await asked('disconnect unknown', 'disconnect', { id: carol.nodeId });
}

async function closing({ network, asked, bob }: Scenario, first: string): Promise<void> {
  const theFirst = { short_channel_id: first };
  await asked('close unknown', 'close', { id: '1x1x1' });
  await asked('close mutual', 'close', { id: first });
  await asked('listpeerchannels closing', 'listpeerchannels', theFirst);
  await network.mine(1);
  await asked('listpeerchannels onchain', 'listpeerchannels', theFirst);
  await asked('listclosedchannels', 'listclosedchannels');
  const { channel_id: second } = await asked('fundchannel second', 'fundchannel', {
    id: bob.nodeId,
    amount: 2_000_000,
    push_msat: 900_000_000,
  });
  await network.mine(3);
  await asked('close unilateral', 'close', { id: second, unilateraltimeout: 1 });
  await network.mine(1);
  await asked('listpeerchannels after close', 'listpeerchannels', theFirst);
}
