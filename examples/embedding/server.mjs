// A tickerplant inside a server of your own, beside its own routes, on the same port.
//
//   npm install lightning-tickerplant
//   node server.mjs            then connect a WebSocket to ws://127.0.0.1:8080/ticks
//
// The backend is an object: here a node of a simulated network (play money) with every call counted, in life one that you
// have already. `{ kind: 'lnd', lndDir: '/home/me/.lnd', network: 'mainnet' }` in its place lets the package make it.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { createTickerplant, openSimulatedNetwork, sat } from 'lightning-tickerplant';

/** A feed of your own: anything that brings rows. This one brings one a tenth of a second, for ever. */
function thermometer() {
  const counts = { rows: 0, badRows: 0 };
  return {
    counts,
    symbols: async () => ['CELLAR', 'ATTIC'],
    async *batches(signal) {
      while (signal?.aborted !== true) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const time = new Date().toISOString();
        const rows = [
          [time, 'CELLAR', 12 + Math.sin(counts.rows / 10)],
          [time, 'ATTIC', 19 + Math.sin(counts.rows / 10)],
        ];
        counts.rows += rows.length;
        yield { table: 'temperature', rows };
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** A backend of your own: `node` and `invoices` of the port are all that selling needs. */
function counted(backend) {
  const calls = { invoices: 0 };
  return {
    calls,
    node: backend.node,
    invoices: {
      ...backend.invoices,
      create(request, options) {
        calls.invoices += 1;
        return backend.invoices.create(request, options);
      },
    },
  };
}

/** Starts everything; answers what is needed to use and to stop it. */
export async function start(port = 8080) {
  const network = await openSimulatedNetwork();
  const backend = counted(await network.backend('seller'));

  const server = createServer((request, response) => {
    if (request.url === '/hello') response.end(`hello, ${backend.calls.invoices} invoices so far\n`);
    else response.writeHead(404).end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  const tickerplant = await createTickerplant({
    backend,
    feed: thermometer(),
    tables: {
      temperature: {
        columns: { time: 'timestamp', sym: 'symbol', celsius: 'float' },
        pricing: { msat: sat(10), lasts: '1h' },
      },
    },
    server,
    path: '/ticks',
    // In life: files, so that what was paid is known after a restart.
    ledger: 'memory',
    journal: 'memory',
  });

  return {
    url: tickerplant.url,
    http: `http://127.0.0.1:${server.address().port}`,
    tickerplant,
    network,
    async stop() {
      await tickerplant.stop();
      server.close();
      await network[Symbol.asyncDispose]();
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { url, http, stop } = await start();
  console.log(`buyers: ${url}\nyours:  ${http}/hello`);
  process.once('SIGINT', stop);
}
