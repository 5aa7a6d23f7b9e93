import { BlockList, isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { plainAddress } from '../../../core/tickerplant/address.ts';

/** Names for networks that everybody has. `private`: RFC 1918, RFC 4193 and addresses of a link. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
};

/** A set of addresses: single ones, networks (`10.0.0.0/8`), `loopback`, `private`. */
export class AddressList {
  readonly #list = new BlockList();

  /** @throws RangeError for what is none of these. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) for (const each of NAMED[entry] ?? [entry]) this.#add(each);
  }

  /** Whether the address is one of them; false for what is no address. */
  has(address: string): boolean {
    const plain = plainAddress(address).split('%', 1)[0] ?? '';
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }

  #add(entry: string): void {
    const slash = entry.indexOf('/');
    const network = slash === -1 ? entry : entry.slice(0, slash);
    const family = isIPv4(network) ? 'ipv4' : 'ipv6';
    const bits = family === 'ipv4' ? 32 : 128;
    const prefix = slash === -1 ? bits : Number(entry.slice(slash + 1));
    if (isIP(network) === 0 || !/^(?:[^/]+|.+\/\d{1,3})$/.test(entry) || prefix > bits)
      throw new RangeError('an address, a network such as 10.0.0.0/8, loopback or private');
    if (slash === -1) this.#list.addAddress(network, family);
    else this.#list.addSubnet(network, prefix, family);
  }
}

const entry: z.ZodType<string, string> = z.string().superRefine((text, context) => {
  try {
    new AddressList([text]);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

/** The schema of a list of addresses in a config. */
export const addressesSchema: z.ZodType<readonly string[], readonly string[]> = z.array(entry).readonly();

/** The schema of `trustProxy`: `true` is a proxy on this machine. */
export const trustProxySchema: z.ZodType<boolean | readonly string[], boolean | readonly string[]> = z.union(
  [z.boolean(), addressesSchema],
  'true (a proxy on this machine), or a list of the proxies’ addresses',
);

/** The proxies that a `trustProxy` names; undefined: none is believed. */
export function proxiesOf(trustProxy: boolean | readonly string[]): AddressList | undefined {
  if (trustProxy === false) return undefined;
  return new AddressList(trustProxy === true ? ['loopback'] : trustProxy);
}
