import type { Progress, RegtestNetwork } from '../../../regtest/network.ts';
import { openBackend } from '../../../regtest/open-backend.ts';
import { allPages, refused } from '../../contract/support.ts';
import { prepareNetwork } from '../../contract/targets/regtest.ts';
import { newFolder, type Programs, removeFolder, startPrograms } from './world.ts';

/** Server and buyers on nodes of a regtest network: the seller's is the payee, the buyers' the payer, and there is one between. */
export interface RegtestWorld extends Programs {
  /** Hashes of what the buyers' node calls settled since the world began, one for each payment. */
  paid(): Promise<readonly string[]>;
  /** Ends the seller's node and brings it back. */
  restartSellersNode(): Promise<void>;
  /** The seller's credential makes invoices and follows them, and opens nothing else, where its kind has such a one. */
  assertLeastPrivilege(): Promise<void>;
}

/** Starts the programs on a network of its own, which is disposed of with the world, also where this fails. */
export async function startRegtestWorld(network: RegtestNetwork, progress: Progress = () => undefined): Promise<RegtestWorld> {
  const prepared = await prepareNetwork(network, { backlogSize: 1, progress });
  const dir = newFolder();
  const end = async (): Promise<void> => {
    await prepared[Symbol.asyncDispose]();
    removeFolder(dir);
  };
  try {
    const { payments } = prepared.payer.backend;
    const settled = async (): Promise<readonly string[]> =>
      (await allPages((after) => payments.list(after === undefined ? {} : { after })))
        .filter(({ outcome }) => outcome.status === 'settled')
        .map(({ outcome }) => outcome.paymentHash);
    const before = new Set(await settled());
    const { config, invoiceOnlyConfig } = network.node('payee');
    progress('starting the server');
    const programs = await startPrograms(dir, { seller: invoiceOnlyConfig ?? config, buyer: network.node('payer').config });
    return {
      ...programs,
      paid: async () => (await settled()).filter((hash) => !before.has(hash)),
      async restartSellersNode() {
        await prepared.payee.stop();
        await prepared.payee.start();
      },
      async assertLeastPrivilege() {
        if (invoiceOnlyConfig === undefined) return;
        await using backend = await openBackend(invoiceOnlyConfig);
        await refused(backend.channels.balances(), 'UNAUTHENTICATED');
        await refused(backend.payments.list({}), 'UNAUTHENTICATED');
      },
      async [Symbol.asyncDispose]() {
        await programs[Symbol.asyncDispose]();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
