import { ADAPTERS } from '../../../src/adapters/registry.ts';
import type { AdapterDefinition } from '../../../src/adapters/shared/definition.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { type Msat, msat, sat } from '../../../src/core/lightning/amount.ts';
import type { Channel } from '../../../src/core/lightning/channel.ts';
import type { Outpoint, TxId } from '../../../src/core/lightning/identifiers.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { memoryIntents } from '../memory-intents.ts';
import type { ContractNetwork, ContractNode, ContractRole } from '../network.ts';
import { AMPLE_FEE, eventually, invoiceOf } from '../support.ts';

/** A node that runs somewhere: how to reach it, and how to make it go away and come back. */
export interface RunningNode {
  readonly role: ContractRole;
  readonly kind: string;
  /** What the adapter of its `kind` takes, with full rights; or an adapter with a config that is parsed already. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly adapter?: { readonly definition: AdapterDefinition; readonly config: unknown };
  readonly address: { readonly host: string; readonly port: number };
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Nodes and the chain under them, without channels: what every RegtestNetwork has. */
export interface RunningNetwork extends AsyncDisposable {
  readonly kind: string;
  readonly bitcoin: {
    sendToAddress(address: string, sat: number): Promise<TxId>;
    getTransaction(txId: TxId): Promise<{ readonly confirmations: number } | undefined>;
  };
  node(role: ContractRole): RunningNode;
  /** Mines blocks and waits until every running node has seen them. */
  mine(blocks: number): Promise<void>;
  fund(role: ContractRole, sat: number): Promise<void>;
  openChannel(channel: {
    readonly from: ContractRole;
    readonly to: ContractRole;
    readonly capacitySat: number;
    readonly pushSat: number;
  }): Promise<Outpoint>;
}

/** What a network is prepared with. */
export interface PrepareOptions {
  readonly backlogSize: number;
  /** Says what goes on; a line each. */
  readonly progress?: (line: string) => void;
}

const ROLES = ['payer', 'middle', 'payee'] as const;
const CAPACITY_SAT = 10_000_000;
const PUSH_SAT = 4_000_000;
/** What each side must be able to send for a channel that is there already to be taken. */
const ENOUGH: Msat = sat(2_000_000);
const FUNDING_SAT = 20_000_000;
/** Dear enough for a fee cap below it to be told from one above, where caps are whole satoshi. */
const BASE_FEE: Msat = msat(1_000);
const FEE_RATE_PPM = 100;
const PRICED: Msat = msat(40_000_000);
const BACK_MS = 120_000;
const PRICED_MS = 120_000;

/**
 * Makes of running nodes what the contract wants: coins in every wallet, public channels payer – middle – payee with balance on
 * both sides, a middle node that asks a few satoshi for forwarding, and a payer who knows it. Channels that are there already
 * are used. The network is disposed of with what is made of it, also where this fails.
 */
export async function prepareNetwork(network: RunningNetwork, options: PrepareOptions): Promise<ContractNetwork> {
  const prepared = new PreparedNetwork(network, options.backlogSize);
  try {
    for (const role of ROLES) await prepared.add(role);
    await prepared.prepare(options.progress ?? (() => undefined));
    return prepared;
  } catch (error) {
    await prepared[Symbol.asyncDispose]();
    throw error;
  }
}

async function adapterOf({ kind, config }: RunningNode): Promise<NonNullable<RunningNode['adapter']>> {
  const load = Object.hasOwn(ADAPTERS, kind) ? ADAPTERS[kind] : undefined;
  if (load === undefined) throw new Error(`there is no adapter for ${kind}; there are ${Object.keys(ADAPTERS).join(', ')}`);
  const definition = await load();
  return { definition, config: definition.configSchema.parse(config) };
}

class PreparedNetwork implements ContractNetwork {
  readonly backlogSize: number;
  readonly #network: RunningNetwork;
  readonly #nodes = new Map<ContractRole, ContractNode>();
  readonly #stopped = new Set<ContractRole>();
  readonly #disposables: AsyncDisposable[] = [];
  #firstChannel: Outpoint | undefined;

  constructor(network: RunningNetwork, backlogSize: number) {
    this.#network = network;
    this.backlogSize = backlogSize;
  }

  get name(): string {
    return this.#network.kind;
  }

  get payer(): ContractNode {
    return this.#node('payer');
  }

  get middle(): ContractNode {
    return this.#node('middle');
  }

  get payee(): ContractNode {
    return this.#node('payee');
  }

  get firstChannel(): Outpoint {
    if (this.#firstChannel === undefined) throw new Error('the channels are not open yet');
    return this.#firstChannel;
  }

  mine(blocks: number): Promise<void> {
    return this.#network.mine(blocks);
  }

  sendToAddress(address: string, amountSat: number): Promise<TxId> {
    return this.#network.bitcoin.sendToAddress(address, amountSat);
  }

  getTransaction(txId: TxId): Promise<{ readonly confirmations: number } | undefined> {
    return this.#network.bitcoin.getTransaction(txId);
  }

  /** The backends of a node share its log of settlements, as a server's do over its restarts: cursors go from one to the next. */
  async add(role: ContractRole): Promise<void> {
    const node = this.#network.node(role);
    const { definition, config } = node.adapter ?? (await adapterOf(node));
    const store = await openSqliteLedger({ path: ':memory:', logger: silentLogger });
    this.#disposables.push(store);
    const shared = { clock: systemClock, random: systemRandom, logger: silentLogger, settlementLog: store.settlementLog };
    const open: ContractNode['open'] = (intents = memoryIntents()) => definition.create(config, { ...shared, intents });
    const backend = await open();
    this.#disposables.push(backend);
    this.#nodes.set(role, {
      role,
      kind: node.kind,
      capabilities: definition.capabilities,
      address: node.address,
      backend,
      open,
      stop: async () => {
        this.#stopped.add(role);
        await node.stop();
      },
      start: async () => {
        await node.start();
        this.#stopped.delete(role);
        await this.#allBack();
      },
    });
  }

  async prepare(progress: (line: string) => void): Promise<void> {
    for (const role of ROLES) {
      if ((await this.#node(role).backend.wallet.balance()).confirmedMsat >= sat(FUNDING_SAT)) continue;
      progress(`funding ${role}`);
      await this.#network.fund(role, FUNDING_SAT);
    }
    this.#firstChannel = await this.#channel('payer', 'middle', progress);
    const second = await this.#channel('middle', 'payee', progress);
    progress('waiting for the graph and the fees');
    const { channels } = this.middle.backend;
    await channels.setPolicy(second, { ...(await channels.policy(second)), baseFeeMsat: BASE_FEE, feeRatePpm: FEE_RATE_PPM });
    const fee = BASE_FEE + (PRICED * BigInt(FEE_RATE_PPM)) / 1_000_000n;
    await eventually(`the payer pays ${fee} msat for ${PRICED} msat`, async () => (await this.#price()) === fee, PRICED_MS);
  }

  /** What a payment from end to end costs now; undefined where none gets through. */
  async #price(): Promise<Msat | undefined> {
    const { paymentRequest } = await invoiceOf(this.payee.backend, { amountMsat: PRICED });
    const outcome = await this.payer.backend.payments.pay({ paymentRequest, maxFeeMsat: AMPLE_FEE, timeoutMs: 10_000 });
    return outcome.status === 'settled' ? outcome.feeMsat : undefined;
  }

  async #channel(from: ContractRole, to: ContractRole, progress: (line: string) => void): Promise<Outpoint> {
    const peer = (await this.#node(to).backend.node.identity()).nodeId;
    const usable = (channel: Channel): boolean =>
      channel.peer === peer && !channel.private && channel.localMsat >= ENOUGH && channel.remoteMsat >= ENOUGH;
    const there = (await this.#node(from).backend.channels.list({ state: 'active' })).find(usable);
    if (there !== undefined) return there.outpoint;
    progress(`opening a channel ${from} – ${to}`);
    return await this.#network.openChannel({ from, to, capacitySat: CAPACITY_SAT, pushSat: PUSH_SAT });
  }

  /** Waits until every node is synced and calls its channels usable; while one is away, others' channels with it are not. */
  async #allBack(): Promise<void> {
    if (this.#stopped.size > 0) return;
    for (const [role, { backend }] of this.#nodes) {
      const isBack = async (): Promise<boolean> =>
        (await backend.node.info()).synced && (await backend.channels.list({ state: 'inactive' })).length === 0;
      await eventually(`${role} has its channels back`, () => isBack().catch(() => false), BACK_MS);
    }
  }

  #node(role: ContractRole): ContractNode {
    const node = this.#nodes.get(role);
    if (node === undefined) throw new Error(`there is no ${role}`);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const each of this.#disposables.splice(0).reverse()) await each[Symbol.asyncDispose]();
    } finally {
      await this.#network[Symbol.asyncDispose]();
    }
  }
}
