import { chmodSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { NodeConfig } from '../network.ts';
import { onPath } from './cache.ts';
import { freePort } from './free-ports.ts';
import type { Program } from './install-bitcoind.ts';
import { ManagedProcess } from './managed-process.ts';
import { type NodeOptions, type NodeProcess, READY_MS } from './node-process.ts';

const CALL_DEADLINE_MS = 30_000;

/**
 * A Core Lightning on loopback, with the developer options that make regtest quick. Its folder must have a short path: the
 * name of a unix socket holds about 100 bytes.
 */
export async function clnNode(
  lightningd: string,
  bitcoindProgram: Program,
  { alias, folder, bitcoind }: NodeOptions,
): Promise<NodeProcess> {
  const port = await freePort();
  const socket = join(folder, 'regtest', 'lightning-rpc');
  const bitcoinCli = onPath('bitcoin-cli') ?? wrapper(folder, bitcoindProgram);
  const config: NodeConfig = { kind: 'cln', lightningDir: folder, network: 'regtest' };
  writeFileSync(
    join(folder, 'config'),
    `network=regtest
alias=${alias}
bind-addr=127.0.0.1:${port}
bitcoin-cli=${bitcoinCli}
bitcoin-rpcconnect=127.0.0.1
bitcoin-rpcport=${bitcoind.rpcPort}
bitcoin-rpcuser=${bitcoind.user}
bitcoin-rpcpassword=${bitcoind.password}
developer
dev-bitcoind-poll=1
dev-fast-gossip
dev-fast-reconnect
disable-dns
`,
    { mode: 0o600 },
  );
  let process: ManagedProcess | undefined;
  const ready = async (): Promise<boolean> => {
    const info = await call<{ blockheight: number; warning_bitcoind_sync?: string; warning_lightningd_sync?: string }>(socket, 'getinfo');
    const synced = info.warning_bitcoind_sync === undefined && info.warning_lightningd_sync === undefined;
    return synced && info.blockheight >= (await bitcoind.rpc.height());
  };
  return {
    kind: 'cln',
    config,
    invoiceOnlyConfig: undefined,
    address: { host: '127.0.0.1', port },
    get running() {
      return process?.running ?? false;
    },
    async start() {
      if (process?.running) return;
      process = new ManagedProcess({
        name: `Core Lightning ${alias}`,
        command: lightningd,
        args: [`--lightning-dir=${folder}`],
        logFile: join(folder, 'output.log'),
      });
      await process.until('ready', ready, READY_MS);
    },
    async stop(signal) {
      await process?.stop(signal);
    },
    async knowsChannel(channel) {
      const { channels } = await call<{ channels: readonly unknown[] }>(socket, 'listchannels', { short_channel_id: channel });
      return channels.length === 2;
    },
    dispose() {},
  };
}

/** bitcoin-cli beside a bitcoind that is run with a C library of its own. */
function wrapper(folder: string, { command, args }: Program): string {
  const path = join(folder, 'bitcoin-cli');
  const cli = args.map((arg) => arg.replace(/bitcoind$/, 'bitcoin-cli'));
  writeFileSync(path, `#!/bin/sh\nexec ${[command, ...cli].map((word) => `'${word}'`).join(' ')} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

function call<T>(socket: string, method: string, params: Readonly<Record<string, unknown>> = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    let text = '';
    connection.setTimeout(CALL_DEADLINE_MS, () => connection.destroy(new Error(`${method}: no answer`)));
    connection.setEncoding('utf8');
    connection.on('error', reject);
    connection.on('close', () => reject(new Error(`${method}: the socket closed`)));
    connection.on('data', (chunk) => {
      text += chunk;
      if (!text.endsWith('\n\n')) return;
      connection.end();
      const answer = JSON.parse(text) as { result: T; error?: { message: string } };
      if (answer.error === undefined) resolve(answer.result);
      else reject(new Error(`${method}: ${answer.error.message}`));
    });
    connection.write(JSON.stringify({ jsonrpc: '2.0', id: method, method, params }));
  });
}
