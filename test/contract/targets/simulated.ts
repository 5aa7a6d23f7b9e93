import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { simulated } from '../../../src/adapters/simulated/definition.ts';
import { startSimnet } from '../../../src/adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../../../src/adapters/simulated/simnet-config.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { sat } from '../../../src/core/lightning/amount.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import type { ContractNetwork, ContractNode, ContractRole } from '../network.ts';

const BACKLOG = 300;

/** The simulated network, behind its socket as other processes have it. */
export async function simulatedTarget(options: { readonly backlogSize?: number } = {}): Promise<ContractNetwork> {
  const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-contract-'));
  const channel = { sat: 10_000_000, pushSat: 4_000_000 };
  const config = simnetConfigSchema.parse({
    socket: path.join(dir, 'simnet.sock'),
    dir: path.join(dir, 'simnet'),
    nodes: ['payer', 'middle', 'payee'],
    channels: [
      { from: 'payer', to: 'middle', ...channel },
      { from: 'middle', to: 'payee', ...channel },
    ],
  });
  const simnet = await startSimnet(config, shared);
  const { control } = simnet;
  const disposables: AsyncDisposable[] = [];

  const open: (role: ContractRole) => ContractNode['open'] = (role) => async (intents) => {
    const store = await openSqliteLedger({ path: ':memory:', logger: silentLogger });
    const dependencies = { ...shared, intents: intents ?? store.intents, settlementLog: store.settlementLog };
    const backend = await simulated.create({ kind: 'simulated', socket: simnet.socket, node: role }, dependencies);
    return {
      ...backend,
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      },
    };
  };
  const nodeOf = async (role: ContractRole): Promise<ContractNode> => {
    const backend = await open(role)();
    disposables.push(backend);
    const info = await backend.node.info();
    const [host = '127.0.0.1', port = '9735'] = (info.uris[0]?.split('@')[1] ?? '').split(':');
    return {
      role,
      kind: 'simulated',
      capabilities: simulated.capabilities,
      address: { host, port: Number(port) },
      backend,
      open: open(role),
      async stop() {
        await control.call('stopNode', { node: role });
      },
      async start() {
        await control.call('startNode', { node: role });
      },
    };
  };
  const [payer, middle, payee] = [await nodeOf('payer'), await nodeOf('middle'), await nodeOf('payee')];
  const [first] = await payer.backend.channels.list();
  if (first === undefined) throw new Error('the simulated network has no channel of the payer');
  return {
    name: 'simulated',
    payer,
    middle,
    payee,
    firstChannel: first.outpoint,
    backlogSize: options.backlogSize ?? BACKLOG,
    async mine(blocks) {
      await control.call('mine', { blocks });
    },
    async sendToAddress(address, amountSat) {
      return (await control.call('sendToAddress', { address, amountMsat: sat(amountSat) })).txId;
    },
    async getTransaction(txId) {
      return (await control.call('transaction', { txId })) ?? undefined;
    },
    async [Symbol.asyncDispose]() {
      for (const each of disposables) await each[Symbol.asyncDispose]();
      await simnet[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
