import { type NodeId, nodeId } from '../../../core/lightning/identifiers.ts';
import { publicKey } from './bolt11.ts';
import { failure } from './failures.ts';
import { ensureChain } from './genesis.ts';
import type { NodeRecord } from './records.ts';
import type { NetworkState } from './state.ts';

const FIRST_PORT = 9735;
const HOST = '127.0.0.1';

/** The nodes: their names, keys and whether they run. */
export class Nodes {
  readonly #state: NetworkState;
  readonly #nameById = new Map<NodeId, string>();

  constructor(state: NetworkState) {
    this.#state = state;
    state.tables.nodes.onChange((before, after) => {
      if (before !== undefined) this.#nameById.delete(before.nodeId);
      if (after !== undefined) this.#nameById.set(after.nodeId, after.name);
    });
  }

  /** Adds a node with a fresh key. @throws LightningError `INVALID_ARGUMENT` (name), `ALREADY_EXISTS`. */
  add(name: string): NodeRecord {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(name)) {
      throw failure('INVALID_ARGUMENT', 'addNode', 'a node is named by up to 32 letters, digits, dots, dashes and underscores');
    }
    return this.#state.transact(() => {
      if (this.find(name) !== undefined) throw failure('ALREADY_EXISTS', 'addNode', `there is a node ${name} already`);
      const chain = ensureChain(this.#state);
      const secretKey = this.#secretKey();
      const node: NodeRecord = {
        name,
        secretKey,
        nodeId: nodeId(publicKey(secretKey)),
        port: FIRST_PORT + chain.nodeCount,
        online: true,
        walletMsat: 0n as NodeRecord['walletMsat'],
        addCount: 0,
        settleCount: 0,
        paymentCount: 0,
        forwardCount: 0,
      };
      this.#state.tables.nodes.put(name, node);
      this.#state.tables.chain.patch('chain', { nodeCount: chain.nodeCount + 1 });
      return node;
    });
  }

  find(name: string): NodeRecord | undefined {
    return this.#state.tables.nodes.get(name);
  }

  /** The node of a name. @throws LightningError `NOT_FOUND`. */
  need(name: string): NodeRecord {
    const node = this.find(name);
    if (node === undefined) throw failure('NOT_FOUND', 'node', `the simulated network has no node ${name}`);
    return node;
  }

  byId(id: NodeId): NodeRecord | undefined {
    const name = this.#nameById.get(id);
    return name === undefined ? undefined : this.find(name);
  }

  list(): readonly NodeRecord[] {
    return [...this.#state.tables.nodes.values()];
  }

  /** `host:port` that others connect to. */
  address(node: NodeRecord): string {
    return `${HOST}:${node.port}`;
  }

  /** A secret key is a number from 1 to the order of the curve; all but one in 2¹²⁸ of random ones are. */
  #secretKey(): string {
    for (;;) {
      const key = this.#state.randomHex(32);
      try {
        publicKey(key);
        return key;
      } catch {
        // Not a number of the curve: draw again.
      }
    }
  }
}
