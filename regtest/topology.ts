import { sat } from '../src/core/lightning/amount.ts';
import type { LightningBackend } from '../src/core/lightning/backend.ts';
import { isLightningError } from '../src/core/lightning/errors.ts';
import type { Outpoint } from '../src/core/lightning/identifiers.ts';
import type { RegtestBitcoin, RegtestChannel, RegtestNode } from './network.ts';
import { waitUntil } from './wait-until.ts';

/** What funding needs of a network. */
type MinedNetwork = { readonly bitcoin: Pick<RegtestBitcoin, 'sendToAddress'>; mine(blocks: number): Promise<void> };
/** A node, whoever runs it. */
type ReachableNode = Pick<RegtestNode, 'role' | 'address' | 'backend'>;

const FUNDED_MS = 60_000;
const CONNECTED_MS = 30_000;
const OPEN_MS = 120_000;
/** Announcing takes 6, eclair wants 8 unless told otherwise. */
const CONFIRMATIONS = 8;

/** Sends coins to a node's wallet and mines until they are confirmed there. Works with every backend, through the port alone. */
export async function fundNode(network: MinedNetwork, node: ReachableNode, amountSat: number): Promise<void> {
  const backend = await node.backend();
  const before = (await backend.wallet.balance()).confirmedMsat;
  await network.bitcoin.sendToAddress(await backend.wallet.newAddress(), amountSat);
  await network.mine(CONFIRMATIONS);
  await waitUntil(
    `${node.role} sees its ${amountSat} sat confirmed`,
    async () => (await backend.wallet.balance()).confirmedMsat >= before + sat(amountSat),
    FUNDED_MS,
  );
}

/** Connects, opens, mines, and waits until both sides call the channel active. Works with every backend, through the port alone. */
export async function openBetween(
  network: Pick<MinedNetwork, 'mine'>,
  from: ReachableNode,
  to: ReachableNode,
  channel: Omit<RegtestChannel, 'from' | 'to'>,
): Promise<Outpoint> {
  const [opener, other] = [await from.backend(), await to.backend()];
  const { nodeId: peer } = await other.node.info();
  const request = {
    peer,
    localFundingMsat: sat(channel.capacitySat),
    ...(channel.pushSat !== undefined && { pushMsat: sat(channel.pushSat) }),
    ...(channel.private !== undefined && { private: channel.private }),
  };
  // Where both sides dial at once, one of the two connections is dropped again.
  const outpoint = await waitUntil(
    `${from.role} opens a channel to ${to.role}`,
    async () => {
      await opener.peers.connect({ nodeId: peer, ...to.address, persistent: true });
      try {
        return (await opener.channels.open(request)).outpoint;
      } catch (error) {
        if (isLightningError(error, 'NOT_FOUND')) return undefined;
        throw error;
      }
    },
    CONNECTED_MS,
  );
  await network.mine(CONFIRMATIONS);
  for (const [name, backend] of [
    [from.role, opener],
    [to.role, other],
  ] as const) {
    await waitUntil(`${name} calls the channel ${outpoint} active`, () => isActive(backend, outpoint), OPEN_MS);
  }
  return outpoint;
}

async function isActive(backend: LightningBackend, outpoint: Outpoint): Promise<boolean> {
  const channels = await backend.channels.list({ state: 'active' });
  return channels.some((channel) => channel.outpoint === outpoint);
}
