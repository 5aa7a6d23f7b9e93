// The store as a Fastify plugin, beside routes of your own: http://127.0.0.1:8080/cats/
//
//   npm install lightning-tickerplant fastify
//   node fastify.mjs

import { pathToFileURL } from 'node:url';
import Fastify from 'fastify';
import { createStore, openSimulatedNetwork } from 'lightning-tickerplant';
import { items } from './items.mjs';

/** Starts everything; answers what is needed to use and to stop it. */
export async function start(port = 8080) {
  // Play money. In life: backend: { kind: 'lnd', lndDir: '/home/me/.lnd', network: 'mainnet', macaroon: 'invoice.macaroon' }
  const network = await openSimulatedNetwork();
  const store = await createStore({
    backend: await network.backend('seller'),
    items,
    title: 'Cats',
    deliveries: 3,
    path: 'memory', // in life a file, so that who bought what is known after a restart
  });

  const app = Fastify();
  app.get('/hello', async () => `${(await store.counts()).settled} sold so far\n`);
  await app.register(store.plugin, { prefix: '/cats' });
  const url = await app.listen({ host: '127.0.0.1', port });

  return {
    url,
    network,
    async stop() {
      await app.close();
      await store.stop();
      await network[Symbol.asyncDispose]();
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { url, stop } = await start();
  console.log(`buyers: ${url}/cats/\nyours:  ${url}/hello`);
  process.once('SIGINT', stop);
}
