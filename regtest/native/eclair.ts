import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeConfig } from '../network.ts';
import { freePort } from './free-ports.ts';
import { ManagedProcess } from './managed-process.ts';
import { type NodeOptions, type NodeProcess, READY_MS } from './node-process.ts';

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
eclair.router.broadcast-interval = 2 seconds
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
        env: { JAVA_OPTS: '-Xmx512m' },
        logFile: join(folder, 'output.log'),
      });
      await process.until(
        'ready',
        async () => (await call<{ blockHeight: number }>('getinfo')).blockHeight >= (await bitcoind.rpc.height()),
        READY_MS,
      );
    },
    async stop() {
      await process?.stop();
    },
    async knowsChannel(channel) {
      const updates = await call<readonly { shortChannelId: string }[]>('allupdates');
      return updates.filter(({ shortChannelId }) => shortChannelId === channel).length === 2;
    },
    dispose() {},
  };
}
