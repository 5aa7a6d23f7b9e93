import type { IncomingMessage } from 'node:http';
import type { DeviceService } from '../../core/devices/service.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Random } from '../../core/ports/random.ts';
import type { TickerplantService } from '../../core/tickerplant/service.ts';
import type { TokenAccess } from '../../core/tickerplant/token-access.ts';
import type { AddressList } from '../shared/access/address-list.ts';
import type { Operators } from '../shared/access/operators.ts';
import type { Origin } from '../shared/access/origin.ts';
import type { Turn } from '../shared/turn.ts';
import type { HttpConfig } from './config.ts';
import type { EventStreams } from './stream/event-stream.ts';
import type { Streams } from './stream/streams.ts';
import type { Tickets } from './tickets.ts';

/** What whoever runs the server may know; never shown to buyers beyond yes and no. */
export interface Operations {
  /** Part → whether it can do its work now: the node is followed, the ledger answers, rows are recorded. Never rejects. */
  readiness(): Promise<Readonly<Record<'node' | 'ledger' | 'journal', boolean>>>;
  /** Totals since the start, by name. */
  counters(): Readonly<Record<'published' | 'quotes' | 'settled' | 'delivered' | 'sessions', number>>;
  /** Ends a subscription's token for good; undefined where there is no such subscription. */
  revoke(subscription: string): Promise<{ readonly revokedAt: number; readonly fresh: boolean } | undefined>;
}

/** What the routes lean on. */
export interface Services {
  readonly config: HttpConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tickerplant: TickerplantService;
  readonly access: TokenAccess;
  readonly operations: Operations;
  readonly operators: Operators;
  /** Where a request comes from, as far as it can be believed. */
  readonly originOf: (request: IncomingMessage) => Origin;
  /** Addresses that may ask; undefined: all. */
  readonly allow: AddressList | undefined;
  /** Undefined where this server has none. */
  readonly devices: DeviceService | undefined;
  readonly tickets: Tickets;
  readonly streams: Streams;
  readonly eventStreams: EventStreams;
  readonly turn: Turn;
}
