import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BitcoinRpc } from '../bitcoin-rpc.ts';
import { freePort } from './free-ports.ts';
import type { Program } from './install-bitcoind.ts';
import { ManagedProcess } from './managed-process.ts';

/** A bitcoind of our own, and what Lightning nodes need to know of it. */
export interface NativeBitcoind {
  readonly rpc: BitcoinRpc;
  readonly process: ManagedProcess;
  readonly rpcPort: number;
  readonly user: string;
  readonly password: string;
  readonly zmqBlock: string;
  readonly zmqTx: string;
  readonly zmqHashBlock: string;
}

const READY_MS = 60_000;
const WALLET = 'miner';

/** Starts bitcoind in a folder of its own, on loopback only, without peers, with a wallet that has coins. */
export async function startBitcoind(program: Program, folder: string): Promise<NativeBitcoind> {
  const dataDir = join(folder, 'bitcoind');
  mkdirSync(dataDir, { recursive: true });
  const rpcPort = await freePort();
  const [zmqBlock, zmqTx, zmqHashBlock] = await Promise.all([zmqAddress(), zmqAddress(), zmqAddress()]);
  const user = 'regtest';
  const password = randomBytes(16).toString('hex');
  const config = join(dataDir, 'bitcoin.conf');
  writeFileSync(
    config,
    `regtest=1
server=1
txindex=1
listen=0
listenonion=0
dnsseed=0
fixedseeds=0
discover=0
natpmp=0
fallbackfee=0.00001
addresstype=bech32m
changetype=bech32m
rpcuser=${user}
rpcpassword=${password}
rpcworkqueue=64
zmqpubrawblock=${zmqBlock}
zmqpubrawtx=${zmqTx}
zmqpubhashblock=${zmqHashBlock}
[regtest]
rpcbind=127.0.0.1
rpcallowip=127.0.0.1
rpcport=${rpcPort}
`,
    { mode: 0o600 },
  );
  const process = new ManagedProcess({
    name: 'bitcoind',
    command: program.command,
    args: [...program.args, `-datadir=${dataDir}`, `-conf=${config}`, '-printtoconsole=1'],
    logFile: join(dataDir, 'output.log'),
  });
  const rpc = new BitcoinRpc({ url: `http://127.0.0.1:${rpcPort}`, user, password, wallet: WALLET });
  await process.until('ready', async () => (await rpc.height()) >= 0, READY_MS);
  await rpc.prepareWallet();
  return { rpc, process, rpcPort, user, password, zmqBlock, zmqTx, zmqHashBlock };
}

async function zmqAddress(): Promise<string> {
  return `tcp://127.0.0.1:${await freePort()}`;
}
