import { describe, expect, test } from 'vitest';
import {
  ago,
  countdown,
  duration,
  exactTime,
  nameOf,
  payerOf,
  plural,
  relativeToT,
  scopeName,
  shortId,
  target,
  units,
  withNames,
  withShortDigests,
} from './format.ts';

const DID = 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK';
const names = new Map([[DID, 'researcher']]);

describe('numbers and times', () => {
  test('counts agree with their nouns', () => {
    expect([plural(0, 'call'), plural(1, 'call'), plural(1042, 'entry', 'entries'), units(1250)]).toEqual([
      '0 calls',
      '1 call',
      '1,042 entries',
      '1,250 units',
    ]);
  });

  test('durations are rough, and never negative', () => {
    expect([-5, 0, 59_999, 60_000, 3_600_000, 172_800_000].map(duration)).toEqual([
      '0 s',
      '0 s',
      '59 s',
      '1 min',
      '1 h',
      '2 d',
    ]);
    expect(ago(10_000, 11_000)).toBe('just now');
    expect(ago('1970-01-01T00:00:10.000Z', 40_000)).toBe('30 s ago');
  });

  test('a countdown shows the second that has begun, and stops at zero', () => {
    expect(countdown(60_001, 0)).toBe('1:01');
    expect(countdown(60_000, 0)).toBe('1:00');
    expect(countdown(3_729_000, 0)).toBe('1:02:09');
    expect(countdown(0, 5_000)).toBe('0:00');
  });

  test('moments of a proof are relative to T, with a real minus sign', () => {
    expect([0, 3, -1204].map(relativeToT)).toEqual(['T', 'T + 3 ms', 'T − 1,204 ms']);
    expect([9_999, 10_000, -343_360].map(relativeToT)).toEqual(['T + 9,999 ms', 'T + 10 s', 'T − 5 min']);
  });

  test('exact times keep their milliseconds', () => {
    expect(exactTime(1_800_000_000_007)).toMatch(/^\d\d:\d\d:\d\d\.007$/);
  });
});

describe('names', () => {
  test('a DID loses its middle, its name wins', () => {
    expect(shortId(DID)).toBe('z6MkhaXg…2doK');
    expect(nameOf(DID, names)).toBe('researcher');
    expect(nameOf('user:admin', names)).toBe('admin');
  });

  test('texts name agents', () => {
    expect(withNames(`agent:${DID} is stopped.`, names)).toBe('agent:researcher is stopped.');
    expect(withNames(`agent:${DID} (researcher) is stopped.`, names)).toBe('agent:researcher is stopped.');
    expect(withNames(`${DID} (another) is stopped.`, names)).toBe('researcher (another) is stopped.');
    expect(withNames(`${DID} may spend 100 units; ${DID}.`, names)).toBe('researcher may spend 100 units; researcher.');
  });

  test('a budget is that of a name, and of a shortened DID once there is no name any more', () => {
    expect(payerOf({ name: 'an-agent-with-quite-a-long-name', principal: DID }, new Map())).toBe(
      'an-agent-with-quite-a-long-name',
    );
    expect(payerOf({ name: DID, principal: DID }, new Map())).toBe('z6MkhaXg…2doK');
    expect(payerOf({ name: DID, principal: DID }, names)).toBe('researcher');
  });

  test('digests are shortened where they stand in a text', () => {
    const digest = '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU';
    expect(withShortDigests(`pinned as ${digest}`)).toBe('pinned as 47DEQpj8…');
    expect(withShortDigests(`of files/${'a'.repeat(44)}`)).toBe(`of files/${'a'.repeat(44)}`);
  });

  test('an address becomes who and what', () => {
    expect(target(`skill:${DID}/search`, names)).toEqual({ owner: 'researcher', what: 'search' });
    expect(target(`agent:${DID}`, names)).toEqual({ owner: 'researcher', what: '' });
    expect(target('tool:files/read_file', names)).toEqual({ owner: 'files', what: 'read_file' });
    expect(target('resource:files/file:///srv/a.md', names)).toEqual({ owner: 'files', what: 'file:///srv/a.md' });
    expect(target('operation:kills.kill', names)).toEqual({ owner: 'platform', what: 'kills.kill' });
  });

  test('a kill scope is said in words', () => {
    expect(scopeName('global', names)).toBe('Everything');
    expect(scopeName(`agent:${DID}`, names)).toBe('Agent researcher');
    expect(scopeName('server:files', names)).toBe('Tool server files');
    expect(scopeName('protocol:ioap', names)).toBe('Protocol IoAP');
  });
});
