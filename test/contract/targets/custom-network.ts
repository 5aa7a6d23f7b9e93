import { memoryDependencies } from '../../../regtest/dependencies.ts';
import { fundNode, openBetween } from '../../../regtest/topology.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { type Outpoint, type TxId, txId } from '../../../src/core/lightning/identifiers.ts';
import type { ContractRole } from '../network.ts';
import { eventually } from '../support.ts';
import type { CustomNetworkConfig, CustomNodeConfig } from './custom-file.ts';
import type { RunningNetwork, RunningNode } from './regtest.ts';
import { runShell, ShellCommandError } from './shell-command.ts';
import type { Roles } from './target.ts';

const ROLES = ['payer', 'middle', 'payee'] as const;
const SEEN_MS = 120_000;
const BACK_MS = 180_000;
const SAT_PER_BTC = 100_000_000;
const CLOSING_BLOCKS = 8;
const CLOSE_MS = 60_000;
/** bitcoin-cli's exit status for an unknown transaction (its error -5). */
const UNKNOWN_TRANSACTION = 5;

/** Nodes that somebody else runs: driven by the shell commands of a file. */
export class CustomNetwork implements RunningNetwork {
  readonly kind = 'custom';
  readonly bitcoin: RunningNetwork['bitcoin'];
  readonly #config: CustomNetworkConfig;
  readonly #folder: string;
  readonly #nodes: Readonly<Record<ContractRole, CustomNode>>;
  readonly #opened: { readonly role: ContractRole; readonly outpoint: Outpoint }[] = [];

  constructor(config: CustomNetworkConfig, roles: Roles, folder: string) {
    this.#config = config;
    this.#folder = folder;
    const node = (role: ContractRole): CustomNode => {
      const nodes = Object.hasOwn(config.backends, roles[role]) ? config.backends[roles[role]] : undefined;
      if (nodes === undefined) throw new Error(`the file has no ${roles[role]}; it has ${Object.keys(config.backends).join(', ')}`);
      return new CustomNode(role, nodes[role], folder);
    };
    this.#nodes = { payer: node('payer'), middle: node('middle'), payee: node('payee') };
    this.bitcoin = {
      sendToAddress: (address, sat) => this.#sendToAddress(address, sat),
      getTransaction: (id) => this.#getTransaction(id),
    };
  }

  node(role: ContractRole): CustomNode {
    return this.#nodes[role];
  }

  async mine(blocks: number): Promise<void> {
    const running = ROLES.map((role) => this.#nodes[role]).filter((node) => node.running);
    const heightOf = async (node: CustomNode): Promise<number> => (await (await node.backend()).node.info()).blockHeight;
    const before = Math.max(...(await Promise.all(running.map(heightOf))));
    await this.#run('mines', this.#config.bitcoin.mine, { BLOCKS: String(blocks) });
    for (const node of running) {
      await eventually(`${node.role} has seen block ${before + blocks}`, async () => (await heightOf(node)) >= before + blocks, SEEN_MS);
    }
  }

  async fund(role: ContractRole, sat: number): Promise<void> {
    await fundNode(this, this.#nodes[role], sat);
  }

  async openChannel({ from, to, ...channel }: Parameters<RunningNetwork['openChannel']>[0]): Promise<Outpoint> {
    const outpoint = await openBetween(this, this.#nodes[from], this.#nodes[to], channel);
    this.#opened.push({ role: from, outpoint });
    return outpoint;
  }

  /** Leaves the nodes as they were: running, and without the channels that were opened for the contract. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const role of ROLES) if (!this.#nodes[role].running) await this.#nodes[role].start();
      for (const { role, outpoint } of this.#opened.splice(0)) await this.#close(role, outpoint);
    } finally {
      await Promise.allSettled(ROLES.map((role) => this.#nodes[role].end()));
    }
  }

  async #close(role: ContractRole, outpoint: Outpoint): Promise<void> {
    const { channels } = await this.#nodes[role].backend();
    if (!(await channels.list({ state: 'active' })).some((channel) => channel.outpoint === outpoint)) return;
    for await (const { stage } of channels.close(outpoint, {}, { signal: AbortSignal.timeout(CLOSE_MS) })) {
      if (stage === 'closing') await this.mine(CLOSING_BLOCKS);
    }
  }

  async #sendToAddress(address: string, sat: number): Promise<TxId> {
    const variables = { ADDRESS: address, SAT: String(sat), BTC: (sat / SAT_PER_BTC).toFixed(8) };
    const printed = await this.#run('sends coins', this.#config.bitcoin.sendToAddress, variables);
    const id = printed.match(/\b[0-9a-f]{64}\b/)?.[0];
    if (id === undefined) throw new Error('the command that sends coins printed no transaction id (64 hexadecimal digits)');
    return txId(id);
  }

  async #getTransaction(id: TxId): Promise<{ readonly confirmations: number } | undefined> {
    try {
      return confirmationsIn(await this.#run('tells confirmations', this.#config.bitcoin.confirmations, { TXID: id }));
    } catch (error) {
      if (error instanceof ShellCommandError && error.status === UNKNOWN_TRANSACTION) return undefined;
      throw error;
    }
  }

  #run(what: string, command: string, variables: Readonly<Record<string, string>>): Promise<string> {
    return runShell(what, command, { cwd: this.#folder, variables });
  }
}

/** A number alone, or JSON with `confirmations` (0 where that is left out, as bitcoind does in the mempool); nothing at all: unknown. */
function confirmationsIn(printed: string): { readonly confirmations: number } | undefined {
  const text = printed.trim();
  if (text === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'number') return { confirmations: value };
    if (typeof value === 'object' && value !== null) {
      const { confirmations = 0 } = value as { readonly confirmations?: unknown };
      if (typeof confirmations === 'number') return { confirmations };
    }
  } catch {
    // Said below.
  }
  throw new Error('the command that tells confirmations printed neither a number nor JSON with "confirmations"');
}

class CustomNode implements RunningNode {
  readonly role: ContractRole;
  readonly kind: string;
  readonly adapter: CustomNodeConfig['adapter'];
  readonly address: { readonly host: string; readonly port: number };
  readonly #config: CustomNodeConfig;
  readonly #folder: string;
  #backend: Promise<LightningBackend> | undefined;
  #running = true;

  constructor(role: ContractRole, config: CustomNodeConfig, folder: string) {
    this.role = role;
    this.kind = config.adapter.definition.kind;
    this.adapter = config.adapter;
    this.address = config.address;
    this.#config = config;
    this.#folder = folder;
  }

  get running(): boolean {
    return this.#running;
  }

  backend(): Promise<LightningBackend> {
    this.#backend ??= this.adapter.definition.create(this.adapter.config, memoryDependencies());
    return this.#backend;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await runShell(`stops the ${this.role}`, this.#config.stop, { cwd: this.#folder });
    await eventually(`the ${this.role} is gone`, async () => !(await this.#answers()), BACK_MS);
  }

  async start(): Promise<void> {
    await runShell(`starts the ${this.role}`, this.#config.start, { cwd: this.#folder });
    await eventually(`the ${this.role} answers`, () => this.#answers(), BACK_MS);
    this.#running = true;
  }

  async end(): Promise<void> {
    await (await this.#backend)?.[Symbol.asyncDispose]();
  }

  async #answers(): Promise<boolean> {
    const { node } = await this.backend();
    return await node.info().then(
      ({ synced }) => synced,
      () => false,
    );
  }
}
