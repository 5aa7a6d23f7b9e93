import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { NodeConfig } from '../../network.ts';
import type { EmulatedNodeFactory, EmulatedNodeOptions, EmulatedNodeServer } from '../node-server.ts';
import { type Certificate, makeCertificate } from './certificate.ts';
import { type Gate, implement } from './handlers.ts';
import { Listener, type Served } from './listener.ts';
import { Macaroons } from './macaroons.ts';
import type { LndNode } from './node.ts';
import { redial } from './peers.ts';
import type { Operation } from './permissions.ts';
import { lndServices } from './protocol.ts';
import { stateService } from './state-service.ts';
import { requireReady, type WalletState } from './wallet-state.ts';

/** Makes an emulated lnd: its files stand in `dir` as in lnd's own folder. */
export const emulatedLnd: EmulatedNodeFactory = async (options) => new EmulatedLnd(options);

/**
 * A gRPC server with TLS and macaroons that answers as lnd 0.20 does, over a simulated node: what lnd's protocol files that
 * ln-service brings can say, and `test/fixtures/lnd` has recorded.
 */
export class EmulatedLnd implements EmulatedNodeServer {
  readonly #node: LndNode;
  readonly #dir: string;
  readonly #macaroons: Macaroons;
  readonly #services: Readonly<Record<string, ServiceDefinition>>;
  readonly #stateListeners = new Set<() => void>();
  #certificate: Certificate | undefined;
  #listener: Listener | undefined;
  #port: number;
  #state: WalletState = 'SERVER_ACTIVE';

  constructor({ node, network, clock, random, logger, dir, port = 0 }: EmulatedNodeOptions) {
    this.#node = { name: node.name, calls: node, network, clock, closedHere: new Set(), dialled: new Map(), requests: new Map() };
    network.subscribe((event) => {
      if (event.kind === 'node' && event.online)
        redial(this.#node).catch((error: unknown) => logger.error({ error }, 'emulated lnd could not dial'));
    });
    this.#dir = dir;
    this.#port = port;
    this.#macaroons = new Macaroons(random);
    this.#services = lndServices();
  }

  get config(): NodeConfig {
    if (this.#port === 0) throw new Error('the emulated lnd has not been started');
    return { kind: 'lnd', lndDir: this.#dir, network: 'regtest', host: `127.0.0.1:${this.#port}` };
  }

  get invoiceOnlyConfig(): NodeConfig {
    return { ...this.config, macaroon: 'invoice.macaroon' };
  }

  /** How far it says to have come; SERVER_ACTIVE unless set. In any other state it answers its state service only. */
  get walletState(): WalletState {
    return this.#state;
  }

  set walletState(state: WalletState) {
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener();
  }

  async start(): Promise<void> {
    if (this.#listener !== undefined) return;
    if (this.#certificate === undefined) {
      await this.#makeCertificate();
      await this.#writeMacaroons();
    }
    await this.#listen();
  }

  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    await listener?.close();
  }

  /** Makes new macaroons; those that were good before are refused from now on. */
  async rotateMacaroons(): Promise<void> {
    this.#macaroons.rotate();
    await this.#writeMacaroons();
  }

  /** Makes a new certificate and listens again with it, as lnd does at a restart with `tlsautorefresh`. */
  async rotateCertificate(): Promise<void> {
    await this.#makeCertificate();
    if (this.#listener === undefined) return;
    await this.stop();
    await this.#listen();
  }

  /** A macaroon of our own choice, as hex; with an expiry (milliseconds since 1970) where one is given. */
  bakeMacaroon(operations: readonly Operation[], expiresAt?: number): string {
    return Buffer.from(this.#macaroons.bake(operations, expiresAt)).toString('hex');
  }

  async #listen(): Promise<void> {
    if (this.#certificate === undefined) throw new Error('there is no certificate');
    const gate: Gate = {
      node: this.#node,
      admit: (method, macaroons) => {
        requireReady(this.#state);
        this.#macaroons.check(macaroons, method, this.#node.clock.now());
      },
      hangUp: (peer) => this.#listener?.hangUp(peer),
    };
    const served = Object.entries(this.#services).map(([name, service]): Served => {
      if (name === 'lnrpc.State') return { service, implementation: stateService(() => this.#state, this.#stateListeners) };
      return { service, implementation: implement(service, name, gate) };
    });
    this.#listener = await Listener.open(this.#port, this.#certificate, served);
    this.#port = this.#listener.port;
  }

  async #makeCertificate(): Promise<void> {
    this.#certificate = await makeCertificate(this.#node.name, new Date(this.#node.clock.now()));
    await writeFile(join(this.#dir, 'tls.cert'), this.#certificate.cert);
    await writeFile(join(this.#dir, 'tls.key'), this.#certificate.key, { mode: 0o600 });
  }

  async #writeMacaroons(): Promise<void> {
    const folder = join(this.#dir, 'data/chain/bitcoin/regtest');
    await mkdir(folder, { recursive: true });
    for (const { name, bytes } of this.#macaroons.files()) await writeFile(join(folder, name), bytes, { mode: 0o600 });
  }
}
