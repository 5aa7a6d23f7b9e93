// The same in Express: http://127.0.0.1:8080/cats/
//
//   npm install lightning-tickerplant express
//   node express.mjs

import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import express from 'express';
import { createStore, openSimulatedNetwork } from 'lightning-tickerplant';
import { items } from './items.mjs';

/** Starts everything; answers what is needed to use and to stop it. */
export async function start(port = 8080) {
  const network = await openSimulatedNetwork();
  const store = await createStore({ backend: await network.backend('seller'), items, title: 'Cats', path: 'memory' });

  const app = express();
  app.get('/hello', async (_request, response) => response.send(`${(await store.counts()).settled} sold so far\n`));
  app.use('/cats', store.middleware);
  const server = app.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${server.address().port}`,
    network,
    async stop() {
      server.close();
      server.closeAllConnections();
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
