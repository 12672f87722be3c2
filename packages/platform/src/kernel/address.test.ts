import { expect, test } from 'vitest';
import { parseAddress, splitOwned } from './address.ts';

test('an address is a kind and a name; the name may hold colons and slashes', () => {
  expect(parseAddress('agent:did:key:z6Mk')).toEqual({
    kind: 'agent',
    name: 'did:key:z6Mk',
    address: 'agent:did:key:z6Mk',
  });
  expect(parseAddress('resource:files/file:///a/b')).toMatchObject({ kind: 'resource', name: 'files/file:///a/b' });
});

test.for(['', 'agent', 'agent:', ':name', 'robot:r2', 'AGENT:x', `agent:${'x'.repeat(513)}`])(
  '"%s" is no address',
  (wrong) => {
    expect(() => parseAddress(wrong)).toThrow(/is not an address/);
  },
);

test('what is owned is split at the first slash', () => {
  expect(splitOwned('files/a/b')).toEqual({ owner: 'files', name: 'a/b' });
  expect(splitOwned('files')).toEqual({ owner: 'files', name: '' });
});
