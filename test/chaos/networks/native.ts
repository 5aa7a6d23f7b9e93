import { setTimeout as sleep } from 'node:timers/promises';
import { startNativeNetwork } from '../../../regtest/native/native-network.ts';
import type { NodeKind, NodeRole, RegtestNetwork, RegtestNode } from '../../../regtest/network.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { patient } from '../patience.ts';
import type { ChaosNetwork, ListedPayment, NetworkOptions } from './network.ts';
import { wired } from './wired.ts';

const ROLES = ['payee', 'payer', 'middle'] as const;
const BUYERS = ['payer', 'middle'] as const;
const FUNDING_SAT = 20_000_000;
const CAPACITY_SAT = 10_000_000;
const PUSH_SAT = 1_000_000;
const READY_MS = 240_000;
const STARTS = 5;
const AGAIN_MS = 500;

/** Real nodes, each a process that is killed as it is; the seller's and two buyers', each with a channel to the seller's. */
export async function nativeChaos(kind: NodeKind, { dir, progress }: NetworkOptions): Promise<ChaosNetwork> {
  const network = await startNativeNetwork({ payer: kind }, progress);
  try {
    for (const role of BUYERS) {
      progress(`${role} opens a channel to the seller`);
      await network.fund(role, FUNDING_SAT);
      await network.openChannel({ from: role, to: 'payee', capacitySat: CAPACITY_SAT, pushSat: PUSH_SAT });
    }
    const keepers = ROLES.map((role) => new Keeper(network.node(role)));
    const sellerNode = network.node('payee');
    const seller = await wired(sellerNode.invoiceOnlyConfig ?? sellerNode.config, dir, 'seller');
    const one = await wired(network.node('payer').config, dir, 'payer');
    const two = await wired(network.node('middle').config, dir, 'middle');
    const wires = [seller.wire, one.wire, two.wire];
    return {
      seller: seller.config,
      buyers: [one.config, two.config],
      faulty: undefined,
      wires,
      kill: async (which) => (await keepers[which % keepers.length]?.kill()) ?? false,
      ready: async () => {
        for (const keeper of keepers) await keeper.up();
        await waitUntil('every channel is active again', () => channelsAreActive(network), patient(READY_MS));
      },
      fault: async () => false,
      payments: async () => {
        const lists: ListedPayment[] = [];
        for (const role of BUYERS) lists.push(...(await paymentsOf(network, role)));
        return lists;
      },
      async [Symbol.asyncDispose]() {
        for (const wire of wires) await wire[Symbol.asyncDispose]();
        await network[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}

/** Kills a node and has it started again. */
class Keeper {
  readonly #node: RegtestNode;
  #up: Promise<void> = Promise.resolve();
  #starts = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(node: RegtestNode) {
    this.#node = node;
  }

  /** Resolves when its process is gone; also in the middle of its start. */
  kill(): Promise<boolean> {
    const turn = this.#turn.then(async () => {
      this.#starts += 1;
      await this.#node.stop('SIGKILL');
      this.#up = this.#start(this.#starts);
      this.#up.catch(() => undefined);
      return true;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves when it answers. @throws Error where it does not come up. */
  async up(): Promise<void> {
    await this.#turn;
    await this.#up;
  }

  async #start(number: number): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#node.start();
        return;
      } catch (error) {
        // It was killed again.
        if (number !== this.#starts) return;
        if (tries === STARTS) throw error;
        await sleep(AGAIN_MS);
      }
    }
  }
}

async function channelsAreActive(network: RegtestNetwork): Promise<boolean> {
  for (const role of ROLES) {
    const active = await patiently(network, role, (backend) => backend.channels.list({ state: 'active' }));
    if (active.length < (role === 'payee' ? BUYERS.length : 1)) return false;
  }
  return true;
}

async function paymentsOf(network: RegtestNetwork, role: NodeRole): Promise<readonly ListedPayment[]> {
  return await patiently(network, role, async ({ payments }) => {
    const listed: ListedPayment[] = [];
    let after: string | undefined;
    do {
      const page = await payments.list(after === undefined ? {} : { after });
      for (const { outcome } of page.items) listed.push({ paymentHash: outcome.paymentHash, settled: outcome.status === 'settled' });
      after = page.next;
    } while (after !== undefined);
    return listed;
  });
}

/** Asks a node that may have been started a moment ago. */
async function patiently<T>(network: RegtestNetwork, role: NodeRole, ask: (backend: LightningBackend) => Promise<T>): Promise<T> {
  const backend = await network.node(role).backend();
  let last: unknown;
  try {
    return await waitUntil(
      `${role} answers`,
      () =>
        ask(backend).catch((error: unknown) => {
          last = error;
          return undefined;
        }),
      patient(READY_MS),
    );
  } catch (error) {
    throw new Error((error as Error).message, { cause: last });
  }
}
