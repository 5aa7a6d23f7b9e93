import type { Server, Socket } from 'node:net';
import type { Logger } from '../../../core/ports/logger.ts';
import { plainAddress } from '../../../core/tickerplant/address.ts';
import { AddressCount } from '../../../core/tickerplant/address-count.ts';
import type { AddressList } from './address-list.ts';

/** Who may connect to a transport. */
export interface GuardOptions {
  /** Addresses that may; undefined: all. */
  readonly allow: AddressList | undefined;
  /** Proxies, which are let through: whom they stand for is looked at with each request. */
  readonly proxies?: AddressList | undefined;
  /** Connections at a time of one address, whatever they have said so far. */
  readonly connectionsPerAddress: number;
  readonly logger: Logger;
}

/** The connections of a server, whatever they have said. */
export interface GuardedConnections {
  /** Ends all of them at once, those too that are in the middle of a handshake. */
  terminate(): void;
}

/**
 * Ends connections of strangers, and those that are too many of one address, before anything is read of them, the TLS handshake too.
 * Must be called before the server listens.
 */
export function guardConnections(server: Server, { allow, proxies, connectionsPerAddress, logger }: GuardOptions): GuardedConnections {
  const counted = new AddressCount(connectionsPerAddress);
  const open = new Set<Socket>();
  server.prependListener('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress ?? 'unknown');
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (proxies?.has(address) === true) return;
    if (allow !== undefined && !allow.has(address)) {
      logger.debug({ address }, 'a connection was refused: its address is not allowed');
      socket.destroy();
      return;
    }
    try {
      const place = counted.take(address);
      socket.once('close', () => place[Symbol.dispose]());
    } catch {
      logger.debug({ address }, 'a connection was refused: there are too many of its address');
      socket.destroy();
    }
  });
  return {
    terminate() {
      for (const socket of open) socket.destroy();
    },
  };
}
