import type { Msat } from '../lightning/amount.ts';
import type { NodeIdentity } from '../lightning/backend.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';

/** What a device has done in all its life: kept with it, whatever restarts. */
export interface DeviceCounters {
  /** Invoices made for it. */
  readonly invoices: number;
  /** Payments of them that have arrived, whatever their amount. */
  readonly settled: number;
  /** What those payments brought. */
  readonly receivedMsat: Msat;
  /** Payments that it has acknowledged: it has done what was paid for. */
  readonly acknowledged: number;
}

/** A device as the ledger keeps it. What it may do stands in its token. Times are milliseconds since 1970. */
export interface DeviceRecord {
  readonly id: string;
  readonly name: string;
  /** A secret: whoever has it can mint this device's tokens. */
  readonly rootKey: string;
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
  readonly counters: DeviceCounters;
}

/** `open` can be paid · `settled` was paid · `expired` ran out · `withdrawn` with its device's token. */
export type DeviceInvoiceState = 'open' | 'settled' | 'expired' | 'withdrawn';

/** An invoice that was made for a device's customer. */
export interface DeviceInvoice {
  readonly id: string;
  readonly device: string;
  readonly node: NodeIdentity;
  readonly state: DeviceInvoiceState;
  /** Digest of the device's idempotency key, and of what was asked under it. */
  readonly key: string | undefined;
  readonly request: string | undefined;
  readonly item: string;
  readonly amountMsat: Msat;
  readonly paymentHash: PaymentHash;
  readonly paymentRequest: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Nothing is left to do at the node. */
  readonly invoiceClosed: boolean;
}

/** An invoice to be made durable. `perHour`: refused where the device has so many of the last hour already. */
export interface NewDeviceInvoice extends Omit<DeviceInvoice, 'state' | 'invoiceClosed'> {
  readonly perHour: number | undefined;
}

/** What became of a {@link NewDeviceInvoice}. `kept`: the key has an invoice already, and nothing was written. */
export type DeviceInvoiceOutcome =
  | { readonly kind: 'created' | 'kept'; readonly invoice: DeviceInvoice }
  | { readonly kind: 'refused'; readonly reason: 'revoked' | 'too-many' };

/**
 * A payment of a device's invoice, to be told until it is acknowledged. Immutable but for that.
 * `paid` the price or more · `underpaid` less than the price · `duplicate` money for an invoice that was paid before.
 */
export interface DeviceSettlement {
  /** The same whenever it is told: by it a device knows what it has done already. */
  readonly id: string;
  readonly device: string;
  readonly invoice: string;
  readonly item: string;
  readonly kind: 'paid' | 'underpaid' | 'duplicate';
  /** After the invoice ran out, or was withdrawn. */
  readonly late: boolean;
  readonly paymentHash: PaymentHash;
  /** What was asked. */
  readonly amountMsat: Msat;
  /** What has really arrived. */
  readonly receivedMsat: Msat;
  readonly settledAt: number;
  readonly acknowledgedAt: number | undefined;
}

/** A device whose token is not taken any more. */
export interface DeviceRevocation {
  readonly device: string;
  readonly name: string;
  readonly revokedAt: number;
  /** False: it had been revoked before, and this changed nothing. */
  readonly fresh: boolean;
  /** Invoices that were open and are withdrawn with it. */
  readonly withdrawn: readonly string[];
}

/** What the ledger knows of devices. Part of the ledger: every word of its contract holds here too. */
export interface DeviceLedger {
  /** @throws LedgerError `CONFLICT` where another device that is not revoked has the name. */
  addDevice(device: Pick<DeviceRecord, 'id' | 'name' | 'rootKey' | 'createdAt'>): Promise<void>;
  device(id: string): Promise<DeviceRecord | undefined>;
  /** All of them, revoked ones too, oldest first. */
  devices(): Promise<readonly DeviceRecord[]>;
  /** Ends a device's token for good, by its id or name, and withdraws its open invoices; undefined where there is none. */
  revokeDevice(idOrName: string, now: number): Promise<DeviceRevocation | undefined>;
  /** Decides inside the transaction: the same key has its invoice already, the device is revoked, or has too many of the last hour. */
  createDeviceInvoice(invoice: NewDeviceInvoice): Promise<DeviceInvoiceOutcome>;
  deviceInvoice(id: string): Promise<DeviceInvoice | undefined>;
  /** The newest invoice of a device's key that is open or settled. */
  deviceInvoiceByKey(device: string, key: string): Promise<DeviceInvoice | undefined>;
  /** When a device's invoices of the hour before `now` were made, oldest first. */
  deviceInvoiceTimes(device: string, now: number): Promise<readonly number[]>;
  openDeviceInvoices(node: NodeIdentity): Promise<readonly DeviceInvoice[]>;
  /** Open invoices whose time is over become expired; answers those that did. A settlement that came first wins. */
  expireDeviceInvoices(node: NodeIdentity, now: number): Promise<readonly DeviceInvoice[]>;
  /** Expired and withdrawn ones that may still be payable at the node. */
  deviceInvoicesToCancel(node: NodeIdentity): Promise<readonly DeviceInvoice[]>;
  deviceInvoiceClosed(id: string): Promise<void>;
  /** Forgets invoices that were never paid, ran out before a time and are closed at the node; answers how many, at most `limit`. */
  pruneDeviceInvoices(node: NodeIdentity, before: number, limit: number): Promise<number>;
  /** A device's payments that it has not acknowledged, oldest first. */
  unacknowledged(device: string, limit: number): Promise<readonly DeviceSettlement[]>;
  /** Devices that are not revoked and have such payments. */
  devicesToTell(): Promise<readonly string[]>;
  /** Notes that a device has done what was paid for. Ids of other devices, and unknown ones, are as if they were not there. */
  acknowledgeSettlements(
    device: string,
    ids: readonly string[],
    now: number,
  ): Promise<{
    /** Those of the ids that are the device's, acknowledged now or before. */
    readonly acknowledged: readonly string[];
    readonly counters: DeviceCounters;
  }>;
}
