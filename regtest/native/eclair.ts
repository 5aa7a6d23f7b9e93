import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeConfig } from '../network.ts';
import { freePort } from './free-ports.ts';
import { ManagedProcess } from './managed-process.ts';
import type { NodeOptions, NodeProcess } from './node-process.ts';

/** eclair spreads its work over random delays of up to a minute: here it does at once what it may do at once. */
const QUICK = `eclair.channel.max-block-processing-delay = 0 seconds
eclair.channel.max-restart-watch-delay = 1 second
eclair.channel.max-tx-publish-retry-delay = 1 second
eclair.initial-random-reconnect-delay = 1 second
eclair.max-reconnect-interval = 2 seconds
eclair.router.watch-spent-window = 1 second
eclair.router.channel-spent-splice-delay = 1
eclair.router.broadcast-interval = 1 second`;

/** Loads its classes and is ready on a busy machine of two cores. */
const ECLAIR_READY_MS = 300_000;
/** What lives for minutes is better off without the optimizing compiler and the parallel collector. */
const LIGHT_JVM = '-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1';

/** An eclair on loopback. Its on-chain money is a wallet of its own in bitcoind. */
export async function eclairNode(startScript: string, { role, alias, folder, bitcoind }: NodeOptions): Promise<NodeProcess> {
  const [port, apiPort] = [await freePort(), await freePort()];
  const password = randomBytes(16).toString('hex');
  const url = `http://127.0.0.1:${apiPort}`;
  const config: NodeConfig = { kind: 'eclair', url, password, network: 'regtest' };
  const wallet = `eclair-${role}`;
  await bitcoind.rpc.call('createwallet', [wallet], false);
  writeFileSync(
    join(folder, 'eclair.conf'),
    `eclair.chain = regtest
eclair.node-alias = "${alias}"
eclair.server.binding-ip = "127.0.0.1"
eclair.server.port = ${port}
eclair.api.enabled = true
eclair.api.binding-ip = "127.0.0.1"
eclair.api.port = ${apiPort}
eclair.api.password = "${password}"
eclair.bitcoind.host = "127.0.0.1"
eclair.bitcoind.rpcport = ${bitcoind.rpcPort}
eclair.bitcoind.rpcuser = "${bitcoind.user}"
eclair.bitcoind.rpcpassword = "${bitcoind.password}"
eclair.bitcoind.wallet = "${wallet}"
eclair.bitcoind.zmqblock = "${bitcoind.zmqHashBlock}"
eclair.bitcoind.zmqtx = "${bitcoind.zmqTx}"
eclair.features.keysend = optional
eclair.blockchain-watchdog.sources = []
${QUICK}
`,
    { mode: 0o600 },
  );
  const call = async <T>(endpoint: string, form: Readonly<Record<string, string>> = {}): Promise<T> => {
    const response = await fetch(`${url}/${endpoint}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`:${password}`).toString('base64')}` },
      body: new URLSearchParams(form),
      signal: AbortSignal.timeout(30_000),
    });
    if (!response.ok) throw new Error(`${endpoint}: ${response.status}`);
    return (await response.json()) as T;
  };
  let process: ManagedProcess | undefined;
  return {
    kind: 'eclair',
    config,
    invoiceOnlyConfig: undefined,
    address: { host: '127.0.0.1', port },
    get running() {
      return process?.running ?? false;
    },
    async start() {
      if (process?.running) return;
      process = new ManagedProcess({
        name: `eclair ${alias}`,
        command: startScript,
        // Builds from between releases refuse to start without the second one.
        args: [`-Declair.datadir=${folder}`, '-Declair.allow-unsafe-startup=true'],
        env: { JAVA_OPTS: LIGHT_JVM },
        logFile: join(folder, 'output.log'),
      });
      await process.until(
        'ready',
        async () => (await call<{ blockHeight: number }>('getinfo')).blockHeight >= (await bitcoind.rpc.height()),
        ECLAIR_READY_MS,
      );
    },
    async stop(signal) {
      await process?.stop(signal);
    },
    async knowsChannel(channel) {
      const updates = await call<readonly { shortChannelId: string }[]>('allupdates');
      return updates.filter(({ shortChannelId }) => shortChannelId === channel).length === 2;
    },
    dispose() {},
  };
}
