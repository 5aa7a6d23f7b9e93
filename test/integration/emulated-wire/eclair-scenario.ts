import { type EmulatedNetwork, emulatedNetwork } from '../../../regtest/emulated/network.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage, preimage } from '../../../src/core/lightning/identifiers.ts';
import { type EclairAnswer, EclairApi } from './eclair-api.ts';

const SECRET = preimage('44'.repeat(32));
const OTHER_SECRET = preimage('55'.repeat(32));
const ZEROS = '00'.repeat(32);
const MANY_SAT = 100_000_000;
const WAIT_MS = 10_000;
const FAR = 4_000_000_000;

/** What an emulated eclair answered, by the names of the recordings, and the events that its `/ws` told meanwhile. */
export interface EclairScenario {
  readonly answers: ReadonlyMap<string, EclairAnswer>;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** Brings an emulated eclair into each state that was recorded and asks there what was asked then. */
export async function eclairScenario(): Promise<EclairScenario> {
  await using network = await emulatedNetwork({ payer: 'eclair' });
  using api = await EclairApi.open(network.node('payer').config);
  const answers = new Map<string, EclairAnswer>();
  const asked: Asked = async (name, path, form = {}, password = undefined) => {
    const answer = await api.ask(path, form, password);
    answers.set(name, answer);
    return answer.body;
  };
  const scenario: Scenario = {
    network,
    api,
    asked,
    bob: network.simulated.nodes.need('bob'),
    carol: network.simulated.nodes.need('carol'),
  };
  await wallet(scenario);
  const channelId = await channel(scenario);
  await invoices(scenario);
  await payments(scenario);
  await chain(scenario);
  await closing(scenario, channelId);
  return { answers, events: api.events };
}

type Asked = (name: string, path: string, form?: Parameters<EclairApi['ask']>[1], password?: string | null) => Promise<unknown>;

interface Scenario {
  readonly network: EmulatedNetwork;
  readonly api: EclairApi;
  readonly asked: Asked;
  readonly bob: { readonly nodeId: string; readonly port: number };
  readonly carol: { readonly nodeId: string; readonly port: number };
}

async function wallet({ network, asked, bob, carol }: Scenario): Promise<void> {
  await asked('unauthorized', '/getinfo', {}, 'wrong');
  await asked('no credentials', '/getinfo', {}, null);
  await asked('unknown endpoint', '/nosuch');
  await asked('getinfo', '/getinfo');
  const address = await asked('getnewaddress', '/getnewaddress');
  await asked('onchainbalance empty', '/onchainbalance');
  await asked('open without peer', '/open', { nodeId: bob.nodeId, fundingSatoshis: 1_000_000 });
  await network.bitcoin.sendToAddress(address as string, MANY_SAT);
  await network.mine(1);
  await asked('onchainbalance', '/onchainbalance');
  await asked('onchaintransactions', '/onchaintransactions', { count: 2 });
  await asked('connect refused', '/connect', { uri: `${carol.nodeId}@127.0.0.1:1` });
  await asked('connect', '/connect', { uri: `${bob.nodeId}@127.0.0.1:${bob.port}` });
  await asked('connect again', '/connect', { uri: `${bob.nodeId}@127.0.0.1:${bob.port}` });
}

async function channel({ network, asked, bob, carol }: Scenario): Promise<string> {
  const text = await asked('open', '/open', {
    nodeId: bob.nodeId,
    fundingSatoshis: 2_000_000,
    pushMsat: 900_000_000,
    announceChannel: true,
  });
  const [channelId = ''] = /[0-9a-f]{64}/.exec(text as string) ?? [];
  await asked('channels awaiting confirmation', '/channels');
  await network.mine(3);
  await asked('channels normal', '/channels');
  await asked('channel', '/channel', { channelId });
  await asked('channel unknown', '/channel', { channelId: ZEROS });
  for (const name of ['usablebalances', 'channelbalances', 'globalbalance']) await asked(name, `/${name}`);
  const fees = { feeBaseMsat: 1000, feeProportionalMillionths: 10 };
  await asked('updaterelayfee', '/updaterelayfee', { nodeId: bob.nodeId, ...fees });
  await asked('updaterelayfee unknown', '/updaterelayfee', { nodeId: carol.nodeId, ...fees });
  await network.control.call('fund', { node: 'bob', amountMsat: sat(MANY_SAT) });
  await network.control.call('openChannel', { from: 'bob', to: 'carol', capacityMsat: sat(2_000_000), confirm: true });
  return channelId;
}

async function invoices({ network, api, asked }: Scenario): Promise<void> {
  const description = 'Invoice:trade| AAPL GOOGL\n';
  const made = await asked('createinvoice', '/createinvoice', { amountMsat: 200_500, description, expireIn: 3600 });
  const { paymentHash, serialized } = made as { paymentHash: string; serialized: string };
  await asked('createinvoice any amount', '/createinvoice', { description: 'any', expireIn: 3600 });
  await asked('createinvoice description hash', '/createinvoice', { amountMsat: 1000, descriptionHash: '60'.repeat(32), expireIn: 3600 });
  const withPreimage = { amountMsat: 1000, description: 'd', paymentPreimage: '33'.repeat(32) };
  await asked('createinvoice preimage', '/createinvoice', withPreimage);
  await asked('createinvoice same preimage', '/createinvoice', { ...withPreimage, timeoutSeconds: 1 });
  await asked('createinvoice bad amount', '/createinvoice', { amountMsat: 'x', description: 'd' });
  await asked('createinvoice missing description', '/createinvoice', { amountMsat: 1 });
  await asked('getinvoice', '/getinvoice', { paymentHash });
  await asked('getreceivedinfo pending', '/getreceivedinfo', { paymentHash });
  await asked('getreceivedinfo unknown', '/getreceivedinfo', { paymentHash: ZEROS });
  await asked('getreceivedinfo bad hash', '/getreceivedinfo', { paymentHash: 'zz' });
  await asked('parseinvoice', '/parseinvoice', { invoice: serialized });
  await asked('parseinvoice garbage', '/parseinvoice', { invoice: 'lnbc1garbage' });
  const short = await asked('createinvoice short expiry', '/createinvoice', { amountMsat: 1000, description: 'expires', expireIn: 1 });
  const expiring = { paymentHash: (short as { paymentHash: string }).paymentHash };
  network.simulated.pay('bob', { paymentRequest: serialized, maxFeeMsat: msat(0) });
  await asked('getreceivedinfo received', '/getreceivedinfo', { paymentHash });
  await asked('listreceivedpayments', '/listreceivedpayments', { from: 0, to: FAR });
  await asked('listreceivedpayments page', '/listreceivedpayments', { from: 0, to: FAR, count: 1, skip: 0 });
  await asked('listinvoices', '/listinvoices', { from: 0, to: FAR, count: 2 });
  await asked('listpendinginvoices', '/listpendinginvoices', { from: 0, to: FAR, count: 2 });
  const isExpired = async () =>
    ((await api.ask('/getreceivedinfo', expiring)).body as { status: { type: string } }).status.type === 'expired';
  await waitUntil('it has expired', isExpired, WAIT_MS);
  await asked('getreceivedinfo expired', '/getreceivedinfo', expiring);
  await asked('payinvoice expired', '/payinvoice', { invoice: (short as { serialized: string }).serialized, blocking: true });
  await asked('deleteinvoice', '/deleteinvoice', expiring);
  await asked('deleteinvoice unknown', '/deleteinvoice', { paymentHash: ZEROS });
  await asked('deleteinvoice received', '/deleteinvoice', { paymentHash });
}

async function payments({ network, api, asked, bob }: Scenario): Promise<void> {
  const invoiceOf = (node: string, amountSat: number | 'any') =>
    network.simulated.invoices.create(node, {
      amountMsat: amountSat === 'any' ? 'any' : sat(amountSat),
      description: 'hello',
      expirySeconds: 3600,
    });
  const paid = invoiceOf('bob', 300);
  await asked('payinvoice blocking', '/payinvoice', { invoice: paid.paymentRequest, blocking: true });
  await asked('payinvoice already paid blocking', '/payinvoice', { invoice: paid.paymentRequest, blocking: true });
  await asked('getsentinfo sent', '/getsentinfo', { paymentHash: paid.paymentHash });
  await asked('getsentinfo unknown', '/getsentinfo', { paymentHash: ZEROS });
  const capped = { invoice: invoiceOf('bob', 300).paymentRequest, maxFeeFlatSat: 0, maxFeePct: 0, externalId: 'ext-1' };
  const id = (await asked('payinvoice', '/payinvoice', capped)) as string;
  await asked('getsentinfo by id', '/getsentinfo', { id });
  const open = invoiceOf('bob', 'any').paymentRequest;
  await asked('payinvoice amountless without amount', '/payinvoice', { invoice: open, blocking: true });
  await asked('payinvoice amountless', '/payinvoice', { invoice: open, amountMsat: 5000, blocking: true });
  const tooMuch = invoiceOf('bob', 1_500_000);
  await asked('payinvoice more than balance', '/payinvoice', { invoice: tooMuch.paymentRequest, blocking: true });
  await asked('getsentinfo failed', '/getsentinfo', { paymentHash: tooMuch.paymentHash });
  await asked('payinvoice second hop', '/payinvoice', { invoice: invoiceOf('carol', 100).paymentRequest, blocking: true });
  const own = (await api.ask('/createinvoice', { amountMsat: 1000, description: 'own' })).body as { serialized: string };
  await asked('payinvoice own invoice', '/payinvoice', { invoice: own.serialized, blocking: true });
  await asked('payinvoice garbage', '/payinvoice', { invoice: 'garbage', blocking: true });
  await asked('sendtonode keysend', '/sendtonode', { nodeId: bob.nodeId, amountMsat: 1000 });
  const hash = hashOfPreimage(SECRET);
  const hold = { amountMsat: sat(500), description: '', expirySeconds: 3600, hold: { paymentHash: hash } };
  const held = { invoice: network.simulated.invoices.create('bob', hold).paymentRequest };
  const heldId = (await asked('payinvoice held', '/payinvoice', held)) as string;
  await waitUntil('it is held', async () => network.simulated.invoices.find('bob', hash)?.state === 'held', WAIT_MS);
  await asked('getsentinfo pending', '/getsentinfo', { id: heldId });
  await asked('payinvoice while pending', '/payinvoice', held);
  network.simulated.invoices.settleHeld('bob', SECRET);
  const ofHeld = async () => (await api.ask('/getsentinfo', { id: heldId })).body as readonly { status: { type: string } }[];
  await waitUntil('it is settled', async () => (await ofHeld())[0]?.status.type === 'sent', WAIT_MS);
  await asked('getsentinfo settled', '/getsentinfo', { id: heldId });
  await asked('audit', '/audit', { from: 0, to: FAR, count: 3 });
}

async function chain({ network, asked, bob, carol }: Scenario): Promise<void> {
  await asked('networkfees', '/networkfees', { from: 0, to: FAR });
  await asked('nodes', '/nodes', { nodeIds: bob.nodeId });
  const onchain = { amountSatoshis: 10_000, confirmationTarget: 6 };
  await asked('sendonchain', '/sendonchain', { address: 'mqxkPWKHxFbxmTzSiGDaemz3MYFMG8qH9J', ...onchain });
  await asked('sendonchain bad address', '/sendonchain', { address: 'nope', ...onchain });
  await network.node('middle').stop();
  await network.node('middle').start();
  await asked('open too small', '/open', { nodeId: bob.nodeId, fundingSatoshis: 100 });
  await asked('connect by nodeId', '/connect', { nodeId: carol.nodeId, host: '127.0.0.1', port: carol.port });
  await asked('disconnect', '/disconnect', { nodeId: carol.nodeId });
}

/** The recorded node lost its peer when it told it to close; here the peer is stopped while a payment holds the close up. */
async function closing({ network, asked, bob, carol }: Scenario, channelId: string): Promise<void> {
  await asked('close unknown', '/close', { channelId: ZEROS });
  await asked('channels normal (2)', '/channels');
  const hash = hashOfPreimage(OTHER_SECRET);
  const hold = { amountMsat: sat(50), description: '', expirySeconds: 3600, hold: { paymentHash: hash } };
  network.simulated.pay('bob', { paymentRequest: network.simulated.invoices.create('alice', hold).paymentRequest, maxFeeMsat: msat(0) });
  await asked('close', '/close', { channelId });
  await network.node('middle').stop();
  await asked('channels closing', '/channels');
  await asked('closedchannels', '/closedchannels');
  const again = { nodeId: bob.nodeId, fundingSatoshis: 2_000_000, pushMsat: 900_000_000, announceChannel: true };
  await asked('open again', '/open', again);
  await asked('channels (3)', '/channels');
  await asked('connect (2)', '/connect', { uri: `${carol.nodeId}@127.0.0.1:${carol.port}` });
  await asked('open (2)', '/open', again);
  await asked('channels (4)', '/channels');
  await network.control.call('stopNode', { node: 'carol' });
  await asked('peers (2)', '/peers');
}
