import type { NodeId } from '../../../core/lightning/identifiers.ts';
import { failure } from './failures.ts';
import type { Nodes } from './nodes.ts';
import type { PeerRecord } from './records.ts';
import type { NetworkState } from './state.ts';

/** Connections between nodes. One that has a channel or is persistent comes back by itself when both nodes run. */
export class Peers {
  readonly #state: NetworkState;
  readonly #nodes: Nodes;
  /** Whether two nodes have a channel that is not closed. */
  haveChannel: (one: string, other: string) => boolean = () => false;

  constructor(state: NetworkState, nodes: Nodes) {
    this.#state = state;
    this.#nodes = nodes;
  }

  /** Connects `from` to another node. @throws LightningError `UNAVAILABLE` (nobody answers there), `REJECTED` (itself). */
  connect(from: string, to: NodeId, port: number, persistent: boolean): void {
    const peer = this.#nodes.byId(to);
    if (peer?.name === from) throw failure('REJECTED', 'connect', 'a node does not connect to itself');
    if (peer === undefined || !peer.online || peer.port !== port) {
      throw failure('UNAVAILABLE', 'connect', 'nobody with this node id answers at this address');
    }
    this.join(from, peer.name, persistent);
  }

  /** Connects two nodes by name. */
  join(from: string, to: string, persistent: boolean): void {
    const known = this.between(from, to);
    if (known?.connected === true && (known.persistent || !persistent)) return;
    this.#state.transact(() => {
      const row = known ?? { from, to, persistent, connected: true };
      this.#state.tables.peers.put(peerKey(row.from, row.to), { ...row, persistent: row.persistent || persistent, connected: true });
      this.#state.emit({ kind: 'peer', from: row.from, to: row.to });
    });
  }

  /** Ends a connection. @throws LightningError `CONFLICT` while there is a channel. */
  disconnect(from: string, to: NodeId): void {
    const peer = this.#nodes.byId(to);
    const known = peer === undefined ? undefined : this.between(from, peer.name);
    if (peer === undefined || known === undefined) return;
    if (this.haveChannel(from, peer.name)) throw failure('CONFLICT', 'disconnect', 'there is a channel with this peer');
    this.#set(known, { connected: false, persistent: false });
  }

  /** Connections that a node has had, whether they stand now or not. */
  of(node: string): readonly PeerRecord[] {
    return [...this.#state.tables.peers.values()].filter(({ from, to }) => from === node || to === node);
  }

  connected(one: string, other: string): boolean {
    return this.between(one, other)?.connected === true;
  }

  between(one: string, other: string): PeerRecord | undefined {
    return this.#state.tables.peers.get(peerKey(one, other)) ?? this.#state.tables.peers.get(peerKey(other, one));
  }

  /** A node has stopped: its connections break. Call in a transaction. */
  stopped(node: string): void {
    for (const peer of this.of(node)) if (peer.connected) this.#set(peer, { connected: false });
  }

  /** A node has started: what is persistent or has a channel connects again. Call in a transaction. */
  started(node: string): void {
    for (const peer of this.of(node)) {
      const otherName = peer.from === node ? peer.to : peer.from;
      const wanted = peer.persistent || this.haveChannel(node, otherName);
      if (wanted && this.#nodes.need(otherName).online) this.#set(peer, { connected: true });
    }
  }

  #set(peer: PeerRecord, fields: Partial<PeerRecord>): void {
    this.#state.transact(() => {
      this.#state.tables.peers.patch(peerKey(peer.from, peer.to), fields);
      this.#state.emit({ kind: 'peer', from: peer.from, to: peer.to });
    });
  }
}

function peerKey(from: string, to: string): string {
  return `${from}/${to}`;
}
