import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Store } from '../../core/store/store.ts';
import type { AddressCount } from '../../core/tickerplant/address-count.ts';
import type { AddressList } from '../shared/access/address-list.ts';

/** How a store is served. */
export interface StoreHandlerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Stands at the top of every page. */
  readonly title: string;
  /** Where buyers reach the store, without the path that it is mounted at: `https://cats.example`. Left out: as the request says. */
  readonly publicUrl?: string | undefined;
  /** Believe what proxies say of whom they stand for: `true` one on this machine, or a list of addresses. */
  readonly trustProxy: boolean | readonly string[];
  /** Addresses that may ask, where not everybody may. */
  readonly allow?: AddressList | undefined;
  /** Answer this machine only: what is paid with is play money. */
  readonly loopbackOnly: boolean;
  /** Requests of an address that wait for a payment, at a time. */
  readonly waitsPerAddress: number;
}

/** What routes work with. */
export interface StoreServices extends StoreHandlerOptions {
  readonly proxies: AddressList | undefined;
  readonly waits: AddressCount;
}
