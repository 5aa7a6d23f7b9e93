import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isThisMachine, plainAddress } from '../../../core/tickerplant/address.ts';
import type { AddressList } from './address-list.ts';

/** Where something came from. */
export interface Origin {
  /** Whose it is, for limits and lists. */
  readonly address: string;
  /** Nobody on the way could read it: TLS all the way, or within this machine. */
  readonly isConfidential: boolean;
  /** Somebody forwarded it whom we were not told to believe: the address is not whose it is. */
  readonly isForwarded: boolean;
}

/** Where a connection comes from. */
export function originOf(socket: Socket): Origin {
  const address = plainAddress(socket.remoteAddress ?? 'unknown');
  return { address, isConfidential: socket instanceof TLSSocket || isThisMachine(address), isForwarded: false };
}

/**
 * Where a request comes from. Of a proxy that is listed, what it wrote into `X-Forwarded-For` is believed: the last entry that is not a listed
 * proxy again, since everything before it can be written by anybody. `X-Forwarded-Proto` of a proxy says whether the way to it was encrypted.
 */
export function requestOrigin(request: IncomingMessage, proxies: AddressList | undefined): Origin {
  const direct = originOf(request.socket);
  const { headers } = request;
  const isForwarded = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  if (proxies === undefined || !proxies.has(direct.address)) return { ...direct, isForwarded };
  const entries = textOf(headers['x-forwarded-for']).split(',').map(addressIn);
  let address: string | undefined;
  for (const entry of entries.reverse()) {
    if (entry === undefined) break;
    address = entry;
    if (!proxies.has(entry)) break;
  }
  if (address === undefined) return { ...direct, isForwarded: false };
  const wasEncrypted = /(?:^|,)\s*(?:https|wss)\s*$/i.test(textOf(headers['x-forwarded-proto']));
  return { address, isConfidential: direct.isConfidential && (wasEncrypted || isThisMachine(address)), isForwarded: false };
}

/** The address of an entry, which may have a port; undefined where it is no address. */
function addressIn(entry: string): string | undefined {
  const text = entry.trim().replace(/^"|"$/g, '');
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+)(?::\d+)?$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : plainAddress(bare);
}

function textOf(header: string | readonly string[] | undefined): string {
  return header === undefined ? '' : typeof header === 'string' ? header : header.join(',');
}
