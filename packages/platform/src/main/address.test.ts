import { expect, test } from 'vitest';
import { isExposed, publishAddress, runningAddress } from './address.ts';
import { claimDataFolder } from './data-folder.ts';
import { temporaryFolder } from './testing.ts';

const URL = 'http://127.0.0.1:9000';

test('the address is there while the platform runs, and gone with it', () => {
  using folder = temporaryFolder();
  expect(runningAddress(folder.path)).toBeUndefined();
  const claimed = claimDataFolder(folder.path);
  const withdraw = publishAddress(folder.path, URL);
  expect(runningAddress(folder.path)).toBe(URL);
  // To look is not to touch: the platform still has its folder.
  expect(() => claimDataFolder(folder.path)).toThrow('Another platform already runs');
  withdraw();
  expect(runningAddress(folder.path)).toBeUndefined();
  claimed.release();
});

test('what a killed platform has left behind is not believed', () => {
  using folder = temporaryFolder();
  const claimed = claimDataFolder(folder.path);
  publishAddress(folder.path, URL);
  claimed.release();
  expect(runningAddress(folder.path)).toBeUndefined();
});

test.each([
  ['127.0.0.1', false],
  ['127.1.2.3', false],
  ['localhost', false],
  ['::1', false],
  ['0.0.0.0', true],
  ['::', true],
  ['192.168.1.7', true],
  ['127.0.0.1.example.org', true],
  ['aip.example.org', true],
])('who listens on %s is reached from the network: %s', (host, exposed) => {
  expect(isExposed(host)).toBe(exposed);
});
