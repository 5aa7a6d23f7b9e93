import type { Node, NodeIdentity, NodeInfo } from '../../../core/lightning/backend.ts';
import type { CallOptions, Network } from '../../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import type { Logger } from '../../../core/ports/logger.ts';
import type { LndClient } from '../client/client.ts';
import { decodeInvoice } from '../mapping/decoded-invoice.ts';
import { toNodeInfo } from '../mapping/node.ts';
import { lndAddedInvoice, lndInvoiceList, nothing } from '../schema/invoice.ts';
import { lndInfo } from '../schema/node.ts';
import { LND_VERSIONS } from '../versions.ts';

type Caller = Pick<LndClient, 'unary'>;

const IDENTITY_EXPIRY_SECONDS = 60;
const NEWEST_LOOKED_AT = 10;

/** Who the node is, asked of lnd or, where the macaroon may not, read from an invoice of its own. */
export class LndNode implements Node {
  readonly #network: Network;
  readonly #logger: Logger;
  #client: Caller | undefined;
  #identity: NodeIdentity | undefined;
  #warned = false;

  constructor(network: Network, logger: Logger) {
    this.#network = network;
    this.#logger = logger;
  }

  /** The client is made with {@link check}, so it comes after. */
  attach(client: Caller): void {
    this.#client = client;
  }

  async info(options: CallOptions = {}): Promise<NodeInfo> {
    return await this.#info(this.#attached(), options);
  }

  async identity(options: CallOptions = {}): Promise<NodeIdentity> {
    if (this.#identity !== undefined) return this.#identity;
    const client = this.#attached();
    // The connection check inside the first call may have found it already.
    const identity = (await this.#ask(client, options)) ?? this.#identity ?? (await this.#fromNewInvoice(client, options));
    this.#identity = identity;
    return identity;
  }

  /**
   * Looks who is behind a fresh connection.
   * @throws LightningError `WRONG_NETWORK`; `CONFLICT` when it is another node than before: cursors and intents are per node.
   */
  async check(client: Caller): Promise<void> {
    const identity = await this.#ask(client, {});
    if (identity === undefined) return;
    if (this.#identity !== undefined && this.#identity.nodeId !== identity.nodeId) {
      throw new LightningError('CONFLICT', 'another node answers at this address than before: restart with a config for it', {
        operation: 'connect',
      });
    }
    this.#identity = identity;
  }

  /** What can be learnt without changing anything; undefined where the macaroon may not ask and there is no invoice yet. */
  async #ask(client: Caller, options: CallOptions): Promise<NodeIdentity | undefined> {
    try {
      const { network, nodeId } = await this.#info(client, options);
      return { network, nodeId };
    } catch (error) {
      if (!isLightningError(error, 'UNAUTHENTICATED')) throw error;
      return await this.#fromOldInvoice(client, options, error);
    }
  }

  async #info(client: Caller, options: CallOptions): Promise<NodeInfo> {
    const info = toNodeInfo(
      await client.unary({ operation: 'node.info', service: 'default', method: 'getInfo', request: {}, schema: lndInfo }, options),
    );
    this.#requireNetwork(info.network);
    if (!LND_VERSIONS.includes(info.version) && !this.#warned) {
      this.#warned = true;
      this.#logger.warn({ version: info.version }, 'this version of lnd is not one that was tried; going on');
    }
    return info;
  }

  async #fromOldInvoice(client: Caller, options: CallOptions, refused: LightningError): Promise<NodeIdentity | undefined> {
    const request = { num_max_invoices: String(NEWEST_LOOKED_AT), reversed: true };
    try {
      const { invoices } = await client.unary(
        { operation: 'node.identity', service: 'default', method: 'listInvoices', request, schema: lndInvoiceList },
        options,
      );
      const paymentRequest = invoices.findLast(({ payment_request }) => payment_request !== '')?.payment_request;
      return paymentRequest === undefined ? undefined : this.#payee(paymentRequest);
    } catch (error) {
      // Neither may be asked: a macaroon for something else. Each call then says for itself what it may not.
      if (isLightningError(error, 'UNAUTHENTICATED') && /permission denied/.test(refused.message)) return undefined;
      throw error;
    }
  }

  async #fromNewInvoice(client: Caller, options: CallOptions): Promise<NodeIdentity> {
    const added = await client.unary(
      {
        operation: 'node.identity',
        service: 'default',
        method: 'addInvoice',
        request: { memo: 'identity', value_msat: '1', expiry: String(IDENTITY_EXPIRY_SECONDS) },
        schema: lndAddedInvoice,
      },
      options,
    );
    const { paymentHash } = decodeInvoice(added.payment_request, this.#network);
    const request = { payment_hash: Buffer.from(paymentHash, 'hex') };
    await client.unary({ operation: 'node.identity', service: 'invoices', method: 'cancelInvoice', request, schema: nothing }, options);
    return this.#payee(added.payment_request);
  }

  #payee(paymentRequest: string): NodeIdentity {
    const { network, payee } = decodeInvoice(paymentRequest, this.#network);
    this.#requireNetwork(network);
    return { network, nodeId: payee };
  }

  #requireNetwork(network: Network): void {
    if (network === this.#network) return;
    throw new LightningError('WRONG_NETWORK', `lnd is on ${network}, the config says ${this.#network}`, { operation: 'connect' });
  }

  #attached(): Caller {
    if (this.#client === undefined) throw new LightningError('INTERNAL', 'no connection', { operation: 'node' });
    return this.#client;
  }
}
