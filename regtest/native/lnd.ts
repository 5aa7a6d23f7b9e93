import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LndClient } from '../../src/adapters/lnd/client/client.ts';
import { lndConfigSchema, toConnection } from '../../src/adapters/lnd/client/config.ts';
import { toChanId } from '../../src/adapters/lnd/mapping/short-channel-id.ts';
import { lndChannelEdge } from '../../src/adapters/lnd/schema/channel.ts';
import { lndInfo } from '../../src/adapters/lnd/schema/node.ts';
import { isLightningError } from '../../src/core/lightning/errors.ts';
import type { NodeConfig } from '../network.ts';
import { freePort } from './free-ports.ts';
import type { LndPrograms } from './install-lnd.ts';
import { ManagedProcess } from './managed-process.ts';
import { type NodeOptions, type NodeProcess, READY_MS } from './node-process.ts';

/**
 * An lnd on loopback, with a wallet that needs no password and gossip that does not wait. The remote's delay after a forced
 * close is 4 blocks, so that a test can mine it away. A way that failed, its node being down, is tried again after a quarter of
 * a second, not only after a minute and a half.
 */
export async function lndNode(programs: LndPrograms, { alias, folder, bitcoind }: NodeOptions): Promise<NodeProcess> {
  const [rpcPort, port] = [await freePort(), await freePort()];
  const configFile = join(folder, 'lnd.conf');
  const socket = `127.0.0.1:${rpcPort}`;
  const config: NodeConfig = { kind: 'lnd', lndDir: folder, network: 'regtest', host: socket };
  writeFileSync(
    configFile,
    `[Application Options]
alias=${alias}
lnddir=${folder}
listen=127.0.0.1:${port}
rpclisten=${socket}
norest=true
noseedbackup=true
nobootstrap=true
accept-keysend=true
maxpendingchannels=20
trickledelay=50
minbackoff=200ms
maxbackoff=1s
debuglevel=info
[Bitcoin]
bitcoin.regtest=true
bitcoin.node=bitcoind
bitcoin.defaultremotedelay=4
[Bitcoind]
bitcoind.rpchost=127.0.0.1:${bitcoind.rpcPort}
bitcoind.rpcuser=${bitcoind.user}
bitcoind.rpcpass=${bitcoind.password}
bitcoind.zmqpubrawblock=${bitcoind.zmqBlock}
bitcoind.zmqpubrawtx=${bitcoind.zmqTx}
[gossip]
gossip.sub-batch-delay=50ms
gossip.msg-rate-bytes=100000000
gossip.msg-burst-bytes=200000000
[protocol]
protocol.wumbo-channels=true
[routerrpc]
routerrpc.apriori.penaltyhalflife=10s
`,
    { mode: 0o600 },
  );
  let process: ManagedProcess | undefined;
  const client = new LndClient(toConnection(lndConfigSchema.parse(config)), async () => {});
  const ready = async (): Promise<boolean> => {
    if (!existsSync(join(folder, 'data/chain/bitcoin/regtest/admin.macaroon'))) return false;
    const info = await client.unary({ operation: 'ready', service: 'default', method: 'getInfo', request: {}, schema: lndInfo });
    return info.synced_to_chain && info.block_height >= (await bitcoind.rpc.height());
  };
  return {
    kind: 'lnd',
    config,
    invoiceOnlyConfig: { ...config, macaroon: 'invoice.macaroon' },
    address: { host: '127.0.0.1', port },
    get running() {
      return process?.running ?? false;
    },
    async start() {
      if (process?.running) return;
      process = new ManagedProcess({
        name: `lnd ${alias}`,
        command: programs.lnd,
        args: [`--configfile=${configFile}`],
        logFile: join(folder, 'output.log'),
      });
      await process.until('ready', ready, READY_MS);
    },
    async stop(signal) {
      await process?.stop(signal);
    },
    async knowsChannel(channel) {
      const request = { chan_id: toChanId(channel) };
      try {
        const edge = await client.unary({ operation: 'graph', service: 'default', method: 'getChanInfo', request, schema: lndChannelEdge });
        return edge.node1_policy !== null && edge.node2_policy !== null;
      } catch (error) {
        if (isLightningError(error, 'NOT_FOUND')) return false;
        throw error;
      }
    },
    dispose: () => client.close(),
  };
}
