import type { LightningBackend, Node } from '../../core/lightning/backend.ts';
import type { Capabilities } from '../../core/lightning/capabilities.ts';
import type { Channels, Peers } from '../../core/lightning/channel.ts';
import { idempotentPayments } from '../../core/lightning/idempotent-payments.ts';
import type { Invoices } from '../../core/lightning/invoice.ts';
import type { Payments } from '../../core/lightning/payment.ts';
import type { Wallet } from '../../core/lightning/wallet.ts';
import type { AdapterDependencies } from '../shared/definition.ts';
import { eclairCapabilities } from './capabilities.ts';
import { EclairChannels } from './channels.ts';
import { EclairClient } from './client.ts';
import type { EclairConfig } from './config.ts';
import { EclairInvoices } from './invoices.ts';
import { EclairNode } from './node.ts';
import { EclairPaymentDriver } from './payments.ts';
import { EclairPeers } from './peers.ts';
import { EclairWallet } from './wallet.ts';

/** An eclair node behind the port. */
export class EclairBackend implements LightningBackend {
  readonly kind = 'eclair';
  readonly capabilities: Capabilities = eclairCapabilities;
  readonly node: Node;
  readonly invoices: Invoices;
  readonly payments: Payments;
  readonly peers: Peers;
  readonly channels: Channels;
  readonly wallet: Wallet;
  readonly #client: EclairClient;

  constructor(config: EclairConfig, dependencies: AdapterDependencies) {
    const { clock, logger, intents, random } = dependencies;
    const client = new EclairClient(config, { clock, logger });
    const peers = new EclairPeers(client);
    this.#client = client;
    this.node = new EclairNode(client);
    this.invoices = new EclairInvoices(client, dependencies);
    this.payments = idempotentPayments(new EclairPaymentDriver(client), { identity: () => client.identity(), intents, clock, random });
    this.peers = peers;
    this.channels = new EclairChannels(client, peers);
    this.wallet = new EclairWallet(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.dispose();
  }
}
