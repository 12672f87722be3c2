import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { isLoopbackHost, originAllowed } from './origin.ts';

const code = (host: string | undefined, origin?: string, allowed: string[] = []) => {
  const headers = { ...(host === undefined ? {} : { host }), ...(origin === undefined ? {} : { origin }) };
  return originAllowed(headers, allowed)?.code;
};

describe(`where a request goes to ${claim('D-SECURE.origin')}`, () => {
  it.each(['localhost', 'localhost:8000', '127.0.0.1:8000', '[::1]:8000', 'LOCALHOST:1'])('answers to %s', (host) => {
    expect(code(host)).toBeUndefined();
  });

  it.each([
    ['another name that resolves here', 'rebind.evil.example:8000'],
    ['a name that only starts like ours', 'localhost.evil.example'],
    ['a trailing dot', 'localhost.:8000'],
    ['the unspecified address', '0.0.0.0:8000'],
    ['another address', '192.168.1.10:8000'],
    ['a user in front', 'localhost@evil.example'],
    ['a path behind', 'localhost/evil'],
    ['white space', ' localhost'],
    ['an impossible port', 'localhost:99999'],
    ['nothing', ''],
  ])('refuses %s', (_, host) => {
    expect(code(host)).toBe('FORBIDDEN_HOST');
  });

  it('refuses a request without a Host', () => {
    expect(code(undefined)).toBe('FORBIDDEN_HOST');
  });

  it('answers to configured names, and to one port only where a port is given', () => {
    expect(code('aip.example.com', undefined, ['AIP.example.com'])).toBeUndefined();
    expect(code('aip.example.com:8443', undefined, ['aip.example.com'])).toBeUndefined();
    expect(code('aip.example.com:8443', undefined, ['aip.example.com:8443'])).toBeUndefined();
    expect(code('aip.example.com:9000', undefined, ['aip.example.com:8443'])).toBe('FORBIDDEN_HOST');
    expect(code('sub.aip.example.com', undefined, ['aip.example.com'])).toBe('FORBIDDEN_HOST');
  });
});

describe('where a request comes from', () => {
  it('may be no page at all: programs send no Origin', () => {
    expect(code('localhost:8000')).toBeUndefined();
  });

  it.each(['http://localhost:5173', 'http://127.0.0.1:8000', 'http://[::1]:8000', 'https://localhost'])(
    'may be %s',
    (origin) => {
      expect(code('localhost:8000', origin)).toBeUndefined();
    },
  );

  it.each([
    'https://evil.example',
    'http://localhost.evil.example',
    'null',
    'file://',
    'chrome-extension://abcdefgh',
    'http://localhost:8000/path',
    'http://user@localhost:8000',
    'localhost:8000',
    '',
  ])('may not be %j', (origin) => {
    expect(code('localhost:8000', origin)).toBe('FORBIDDEN_ORIGIN');
  });

  it('may be a page of a configured host', () => {
    expect(code('aip.example.com', 'https://aip.example.com', ['aip.example.com'])).toBeUndefined();
    expect(code('aip.example.com', 'https://other.example.com', ['aip.example.com'])).toBe('FORBIDDEN_ORIGIN');
  });

  it('may be a configured origin, which then is no Host', () => {
    expect(code('localhost', 'https://app.example.com', ['https://app.example.com'])).toBeUndefined();
    expect(code('localhost', 'http://app.example.com', ['https://app.example.com'])).toBe('FORBIDDEN_ORIGIN');
    expect(code('app.example.com', undefined, ['https://app.example.com'])).toBe('FORBIDDEN_HOST');
  });
});

it('tells a Host that means this machine from one that does not', () => {
  expect([
    isLoopbackHost('127.0.0.1:8000'),
    isLoopbackHost('[::1]'),
    isLoopbackHost('aip.example.com'),
    isLoopbackHost(undefined),
  ]).toEqual([true, true, false, false]);
});
