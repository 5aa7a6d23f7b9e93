import { ADAPTERS } from '../src/adapters/registry.ts';
import type { ContractNetwork, ContractNode } from '../test/contract/network.ts';
import { memoryDependencies } from './dependencies.ts';
import type { RegtestNetwork, RegtestNode } from './network.ts';
import { waitUntil } from './wait-until.ts';

const CAPACITY_SAT = 10_000_000;
const PUSH_SAT = 4_000_000;
const FUNDING_SAT = 20_000_000;
const BACK_MS = 120_000;

/** What the contract wants of a regtest network: money in the wallets, and public channels payer – middle – payee. */
export async function contractNetwork(network: RegtestNetwork, options: { readonly backlogSize: number }): Promise<ContractNetwork> {
  for (const { role } of network.nodes) await network.fund(role, FUNDING_SAT);
  const firstChannel = await network.openChannel({ from: 'payer', to: 'middle', capacitySat: CAPACITY_SAT, pushSat: PUSH_SAT });
  await network.openChannel({ from: 'middle', to: 'payee', capacitySat: CAPACITY_SAT, pushSat: PUSH_SAT });
  return {
    name: network.kind,
    payer: await contractNode(network.node('payer')),
    middle: await contractNode(network.node('middle')),
    payee: await contractNode(network.node('payee')),
    firstChannel,
    backlogSize: options.backlogSize,
    mine: (blocks) => network.mine(blocks),
    sendToAddress: (address, sat) => network.bitcoin.sendToAddress(address, sat),
    getTransaction: (txId) => network.bitcoin.getTransaction(txId),
    [Symbol.asyncDispose]: () => network[Symbol.asyncDispose](),
  };
}

async function contractNode(node: RegtestNode): Promise<ContractNode> {
  const backend = await node.backend();
  const definition = await ADAPTERS[node.kind]?.();
  if (definition === undefined) throw new Error(`there is no adapter for ${node.kind}`);
  const config = definition.configSchema.parse(node.config);
  return {
    role: node.role,
    kind: node.kind,
    capabilities: definition.capabilities,
    address: node.address,
    backend,
    open: (intents) => definition.create(config, { ...memoryDependencies(), ...(intents !== undefined && { intents }) }),
    stop: () => node.stop(),
    async start() {
      await node.start();
      await waitUntil(
        `${node.role} has its channels back`,
        async () => (await backend.channels.list({ state: 'inactive' })).length === 0,
        BACK_MS,
      );
    },
  };
}
