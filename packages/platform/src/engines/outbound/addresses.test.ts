import { claim } from '@aip/conformance';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockedRange } from './addresses.ts';

describe(`addresses that are not public ${claim('D-SECURE.outbound')}`, () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['::1', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'reserved'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['fc00::1', 'private'],
    ['fdff:ffff::1', 'private'],
    ['fec0::1', 'private'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['100.64.0.1', 'shared by carriers (CGNAT)'],
    ['100.127.255.255', 'shared by carriers (CGNAT)'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.250', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'reserved'],
    ['240.0.0.1', 'reserved'],
    ['192.0.0.1', 'reserved'],
    ['192.0.2.1', 'for documentation'],
    ['2001:db8::1', 'for documentation'],
    ['3fff::1', 'for documentation'],
    ['198.18.0.1', 'for benchmarks'],
    ['2001::1', 'reserved'],
    ['2002:7f00:1::', 'a tunnel (6to4)'],
    ['5f00::1', 'reserved'],
    ['100::1', 'reserved'],
    // IPv4 in IPv6 clothes, by any spelling.
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['0:0:0:0:0:ffff:a9fe:a9fe', 'link-local'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:0.0.0.0', 'unspecified'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['64:ff9b::a9fe:a9fe', 'link-local'],
    ['64:ff9b:1::7f00:1', 'a translation (NAT64)'],
    ['::127.0.0.1', 'reserved'],
  ])('%s is %s', (address, range) => {
    expect(blockedRange(address)).toBe(range);
  });

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '169.253.255.255',
    '192.167.255.255',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001::1',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
  ])('%s is public', (address) => {
    expect(blockedRange(address)).toBeUndefined();
  });

  it('an IPv4 address is what it is in every notation that carries it', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(blockedRange(`::ffff:${address}`)).toBe(blockedRange(address));
        expect(blockedRange(`64:ff9b::${address}`)).toBe(blockedRange(address));
      }),
    );
  });

  it('nothing outside 2000::/3 is public in IPv6, but for IPv4 in disguise', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const first = parseInt(/^[0-9a-f]*/i.exec(address)?.[0] || '0', 16);
        fc.pre(first >> 13 !== 1 && !/ffff|64:ff9b/i.test(address));
        expect(blockedRange(address)).toBeDefined();
      }),
    );
  });
});
