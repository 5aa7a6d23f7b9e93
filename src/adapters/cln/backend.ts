import type { LightningBackend, Node } from '../../core/lightning/backend.ts';
import type { Capabilities } from '../../core/lightning/capabilities.ts';
import type { Channels, Peers } from '../../core/lightning/channel.ts';
import { idempotentPayments } from '../../core/lightning/idempotent-payments.ts';
import type { Invoices } from '../../core/lightning/invoice.ts';
import type { Payments } from '../../core/lightning/payment.ts';
import type { Wallet } from '../../core/lightning/wallet.ts';
import type { AdapterDependencies } from '../shared/definition.ts';
import { clnCapabilities } from './capabilities.ts';
import { ClnChannels } from './channels.ts';
import { ClnClient } from './client.ts';
import type { ClnConfig } from './config.ts';
import { ClnInvoices } from './invoices.ts';
import { ClnNode } from './node.ts';
import { ClnPaymentDriver } from './payments.ts';
import { ClnPeers } from './peers.ts';
import { ClnWallet } from './wallet.ts';

/** A Core Lightning node behind the port. */
export class ClnBackend implements LightningBackend {
  readonly kind = 'cln';
  readonly capabilities: Capabilities = clnCapabilities;
  readonly node: Node;
  readonly invoices: Invoices;
  readonly payments: Payments;
  readonly peers: Peers;
  readonly channels: Channels;
  readonly wallet: Wallet;
  readonly #client: ClnClient;

  constructor(config: ClnConfig, { clock, logger, intents, random }: AdapterDependencies) {
    const client = new ClnClient(config, { clock, logger });
    this.#client = client;
    this.node = new ClnNode(client);
    this.invoices = new ClnInvoices(client, random);
    this.payments = idempotentPayments(new ClnPaymentDriver(client), { identity: () => client.identity(), intents, clock, random });
    this.peers = new ClnPeers(client);
    this.channels = new ClnChannels(client);
    this.wallet = new ClnWallet(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.dispose();
  }
}
