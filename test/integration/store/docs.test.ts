import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createStore, folder, openSimulatedNetwork, sat } from '../../../src/index.ts';
import { asPattern, openTranscriptShell, transcriptsOf } from '../../support/transcripts.ts';

const PAGE = new URL('../../../docs/store.md', import.meta.url);
const CATS = new URL('../../../examples/store/cats', import.meta.url).pathname;

/** As in the page: the friend has a channel with the first buyer only, who has one with the store. */
const NETWORK = {
  nodes: ['seller', 'first', 'friend'],
  channels: [
    { from: 'first', to: 'seller', sat: 1_000_000 },
    { from: 'friend', to: 'first', sat: 1_000_000 },
  ],
};

test('the transcripts of docs/store.md are what curl shows', async () => {
  const network = await openSimulatedNetwork({ network: NETWORK });
  const nodes = { first: await network.backend('first'), friend: await network.backend('friend') };
  const ids = { [(await nodes.first.node.identity()).nodeId]: 'first' };
  const items = [folder(CATS, { price: sat(10), surprise: true })];
  const store = await createStore({ backend: await network.backend('seller'), items, title: 'Cats', deliveries: 3, path: 'memory' });
  const server = createServer(store.middleware).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const shell = await openTranscriptShell({
    replace: { 'http://127.0.0.1:8402': url },
    variables: ['LINK', 'INVOICE', 'SECOND', 'TOKEN', 'PREIMAGE'],
    async pay(invoice, wallet) {
      const payer = wallet === 'friend.yaml' ? nodes.friend : nodes.first;
      const outcome = await payer.payments.pay({ paymentRequest: invoice, maxFeeMsat: sat(10) });
      return JSON.stringify(outcome, (_key, value) => (typeof value === 'bigint' ? String(value) : (ids[String(value)] ?? value)));
    },
  });
  try {
    const blocks = await transcriptsOf(PAGE);
    expect(blocks.length).toBeGreaterThanOrEqual(5);
    for (const { command, output } of blocks.flat()) {
      expect((await shell.run(command)).replaceAll(url, 'http://127.0.0.1:8402').trim(), command).toMatch(asPattern(output));
    }
  } finally {
    await shell[Symbol.asyncDispose]();
    server.close();
    server.closeAllConnections();
    await store.stop();
    await network[Symbol.asyncDispose]();
  }
}, 60_000);
