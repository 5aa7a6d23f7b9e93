import type { Msat } from '../lightning/amount.ts';
import type { DeviceCounters, DeviceInvoice, DeviceSettlement } from '../ports/device-ledger.ts';
import type { TickerplantError } from '../tickerplant/errors.ts';
import type { DeviceTerms } from './terms.ts';

/** A device whose token was found good, as it was at that moment. */
export interface DeviceHolder {
  /** Its id: 32 hex digits. */
  readonly device: string;
  readonly name: string;
  readonly terms: DeviceTerms;
}

/** What a device asks an invoice for. */
export interface DeviceRequest {
  readonly item: string;
  /** Left out where the item has a fixed price. */
  readonly amountMsat?: Msat | undefined;
  /** Idempotency key of the device's own, 1 to 256 characters: the same key gives the same invoice. */
  readonly key?: string | undefined;
}

/** The answer to a {@link DeviceRequest}; `fresh` false where the key had it already. */
export interface AskedInvoice {
  readonly invoice: DeviceInvoice;
  readonly fresh: boolean;
}

/** What a device has acknowledged, and where it stands now. */
export interface Acknowledgement {
  readonly acknowledged: readonly string[];
  readonly counters: DeviceCounters;
}

/** One connection's outlet to a device, brought by a transport. Calls are synchronous and must not throw. */
export interface DeviceSink {
  /** A payment; again and again until it is acknowledged. */
  settled(settlement: DeviceSettlement): void;
  /** The connection may not go on: the token was revoked or has ended, or the device is connected elsewhere too often. */
  ended(error: TickerplantError): void;
  /** Whether so much waits to be taken that telling should wait too. */
  readonly isFull: boolean;
}

/** A connection on which a device is told of its payments. */
export interface DeviceConnection {
  /** Tells everything that is not acknowledged, now, and whatever comes from now on. */
  tell(): void;
  /** The device is gone. */
  close(): void;
}

/** What transports are given of devices. Every call may throw a `TickerplantError`. */
export interface DeviceService {
  /** Whose token it is. @throws TickerplantError `BAD_TOKEN` (also revoked), `TOKEN_EXPIRED`. */
  authenticate(token: string): Promise<DeviceHolder>;
  /**
   * An invoice for a customer of the device's, durable before it is answered.
   * @throws TickerplantError `FORBIDDEN`, `BAD_REQUEST`, `KEY_REUSED`, `RATE_LIMITED`, `TOO_MANY`, `NODE_UNAVAILABLE`, `BAD_TOKEN`, `TOKEN_EXPIRED`.
   */
  ask(holder: DeviceHolder, request: DeviceRequest): Promise<AskedInvoice>;
  /** One of the device's own invoices; undefined where it has no such one. */
  invoice(holder: DeviceHolder, id: string): Promise<DeviceInvoice | undefined>;
  counters(holder: DeviceHolder): Promise<DeviceCounters>;
  /** The device's payments that it has not acknowledged, oldest first. */
  unacknowledged(holder: DeviceHolder, limit: number): Promise<readonly DeviceSettlement[]>;
  /** Notes that the device has done what was paid for; ids that are not its own are left out of the answer. */
  acknowledge(holder: DeviceHolder, settlements: readonly string[]): Promise<Acknowledgement>;
  /** Resolves when a payment of the device's has arrived: true; or after so many milliseconds, or aborted: false. */
  whenSettled(holder: DeviceHolder, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** @throws TickerplantError `BAD_TOKEN` where it was revoked in this moment. */
  connect(holder: DeviceHolder, sink: DeviceSink): DeviceConnection;
  /** Devices that have payments to be told of, for doors that can't see who is there. */
  toTell(): Promise<readonly DeviceHolder[]>;
  /** Calls back with each payment of any device's when it is durable. Disposing of it ends that. */
  onSettled(listener: (settlement: DeviceSettlement) => void): Disposable;
}
