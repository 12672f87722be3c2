import { BlockList, isIP } from 'node:net';

/**
 * Addresses that do not lead to the public internet, by the IANA special-purpose address registries
 * (https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry; RFC 6890).
 */
const RANGES: readonly (readonly [what: string, ...subnets: string[]])[] = [
  ['unspecified', '0.0.0.0/8'],
  ['loopback', '127.0.0.0/8', '::1/128'],
  ['link-local', '169.254.0.0/16', 'fe80::/10'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10'],
  ['shared by carriers (CGNAT)', '100.64.0.0/10'],
  ['multicast', '224.0.0.0/4', 'ff00::/8'],
  ['for documentation', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  ['for benchmarks', '198.18.0.0/15'],
  ['reserved', '192.0.0.0/24', '192.88.99.0/24', '240.0.0.0/4', '2001::/23'],
  ['a tunnel (6to4)', '2002::/16'],
  ['a translation (NAT64)', '64:ff9b:1::/48'],
];

const LISTS = RANGES.map(([what, ...subnets]) => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [net, bits] = subnet.split('/') as [string, string];
    list.addSubnet(net, Number(bits), familyOf(net));
  }
  return { what, list };
});

/** IPv6 is public in 2000::/3 only (RFC 4291, section 2.4). */
const GLOBAL_UNICAST = new BlockList();
GLOBAL_UNICAST.addSubnet('2000::', 3, 'ipv6');

/** What keeps an address from being public, as words; undefined for a public one. `address` is an IP literal. */
export function blockedRange(address: string): string | undefined {
  const plain = address.replace(/%.*$/, '');
  const family = familyOf(plain);
  // An IPv4 address in IPv6 clothes is that address.
  const embedded = family === 'ipv6' ? embeddedIpv4(plain) : undefined;
  if (embedded !== undefined) return blockedRange(embedded);
  const found = LISTS.find(({ list }) => list.check(plain, family));
  if (found) return found.what;
  return family === 'ipv6' && !GLOBAL_UNICAST.check(plain, 'ipv6') ? 'reserved' : undefined;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  const version = isIP(address);
  if (version === 0) throw new TypeError(`"${address}" is no IP address.`);
  return version === 4 ? 'ipv4' : 'ipv6';
}

/** IPv4-mapped (RFC 4291, section 2.5.5.2) and NAT64 with the well-known prefix (RFC 6052, section 2.1). */
function embeddedIpv4(address: string): string | undefined {
  // As the URL standard writes it: compressed, in hexadecimal, so both prefixes have one form.
  const { hostname } = new URL(`http://[${address}]/`);
  const match = /^\[(?:::ffff:|64:ff9b::)(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\]$/.exec(hostname);
  if (!match) return undefined;
  const [high, low] = [parseInt(match[1] ?? '0', 16), parseInt(match[2] as string, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
