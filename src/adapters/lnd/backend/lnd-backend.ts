import type { LightningBackend } from '../../../core/lightning/backend.ts';
import type { Capabilities } from '../../../core/lightning/capabilities.ts';
import type { Channels, Peers } from '../../../core/lightning/channel.ts';
import { idempotentPayments } from '../../../core/lightning/idempotent-payments.ts';
import type { Invoices } from '../../../core/lightning/invoice.ts';
import type { Payments } from '../../../core/lightning/payment.ts';
import type { Wallet } from '../../../core/lightning/wallet.ts';
import type { AdapterDependencies } from '../../shared/definition.ts';
import { LND_CAPABILITIES } from '../capabilities.ts';
import { LndClient } from '../client/client.ts';
import type { LndConnection } from '../client/config.ts';
import { LndChannels } from './channels.ts';
import type { LndContext } from './context.ts';
import { LndInvoices } from './invoices.ts';
import { LndNode } from './node.ts';
import { LndPaymentDriver } from './payment-driver.ts';
import { LndPeers } from './peers.ts';
import { LndWallet } from './wallet.ts';

/** One lnd behind the port. Dials at the first call, not before. */
export class LndBackend implements LightningBackend {
  readonly kind = 'lnd';
  readonly capabilities: Capabilities = LND_CAPABILITIES;
  readonly node: LndNode;
  readonly invoices: Invoices;
  readonly payments: Payments;
  readonly peers: Peers;
  readonly channels: Channels;
  readonly wallet: Wallet;
  readonly #client: LndClient;

  constructor(connection: LndConnection, dependencies: AdapterDependencies) {
    const node = new LndNode(connection.network, dependencies.logger);
    const client = new LndClient(connection, (checked) => node.check(checked));
    node.attach(client);
    const context: LndContext = { ...dependencies, client, network: connection.network, identity: (options) => node.identity(options) };
    const driver = new LndPaymentDriver(context);
    const { intents, clock, random } = dependencies;
    this.#client = client;
    this.node = node;
    this.invoices = new LndInvoices(context);
    this.payments = idempotentPayments(driver, { identity: () => node.identity(), intents, clock, random });
    this.peers = new LndPeers(context);
    this.channels = new LndChannels(context, driver);
    this.wallet = new LndWallet(context);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
  }
}
