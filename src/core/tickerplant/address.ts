const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;
const GROUPS = 8;
/** A household or a machine is given a network of 64 bits, and may take any address in it (RFC 6177). */
const NETWORK_GROUPS = 4;

/** An address as it is shown and compared: one of IPv4 that a socket of IPv6 tells is one of IPv4. */
export function plainAddress(address: string): string {
  return address.replace(MAPPED, '');
}

/**
 * Whether an address is one of this machine's own: programs of its owner, or a proxy that does not say who is behind it. What is
 * limited per address is not limited for them.
 */
export function isThisMachine(address: string): boolean {
  return address === '::1' || plainAddress(address).startsWith('127.');
}

/** What limits count as one address: of IPv6 the network, `2001:db8:1:2::/64`, since whoever has one has 2^64 addresses. */
export function limitedAs(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = (plain.split('%', 1)[0] ?? '').toLowerCase().split('::');
  const before = head.split(':').filter((group) => group !== '');
  const after = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros = tail === undefined ? 0 : Math.max(0, GROUPS - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after].map((group) => group.replace(/^0+(?=.)/, ''));
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`;
}
