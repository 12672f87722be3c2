import { setTimeout as delay } from 'node:timers/promises';
import type { StoredOAuthTokens } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { memoryVault } from '../../../../kernel/testing.ts';
import type { Vault } from '../../../../kernel/vault.ts';
import type { Account } from './account.ts';
import { createCredentials, type Credentials } from './credentials.ts';

const account = (owner: string): Account => ({ tenant: 'default', owner });
const [alice, bob, carol] = [account('alice'), account('bob'), account('carol')];
const tokens = (name: string): StoredOAuthTokens => ({
  access_token: name,
  refresh_token: `${name} again`,
  token_type: 'Bearer',
  issuer: 'https://login.example.com',
});

/** A vault in which everything takes its time, reads the longest: what is not in order is seen not to be. */
function slowVault(): Vault {
  const vault = memoryVault();
  return {
    ...vault,
    async read(...what) {
      const read = await vault.read(...what);
      await delay(10);
      return read;
    },
    write: (...what) => delay(5).then(() => vault.write(...what)),
    remove: (...what) => delay(5).then(() => vault.remove(...what)),
  };
}

const credentialsIn = (vault: Vault): Credentials =>
  createCredentials({ vault, server: 'box', url: 'https://box.example.com/mcp', redirectUrl: () => '' });

describe('what the vault holds for a server', () => {
  it('has everybody who logs in at the same time among its accounts, and nobody who has logged out', async () => {
    const credentials = credentialsIn(slowVault());
    await Promise.all([alice, bob, carol].map((one) => credentials.save(one, tokens(one.owner))));
    expect(await credentials.accounts()).toEqual([carol, bob, alice]);
    expect(await credentials.forget(bob)).toBe(true);
    expect(await credentials.accounts()).toEqual([carol, alice]);
    expect(await credentials.forget(bob)).toBe(false);
  });

  it('is what was done last, whoever reads it meanwhile', async () => {
    const vault = slowVault();
    await credentialsIn(vault).save(alice, tokens('old'));
    const credentials = credentialsIn(vault);
    const reading = credentials.tokens(alice);
    await Promise.all([reading, credentials.forget(alice)]);
    expect(await credentials.tokens(alice)).toBeUndefined();
    await Promise.all([credentials.tokens(alice), credentials.save(alice, tokens('new'))]);
    expect(await credentials.tokens(alice)).toEqual(tokens('new'));
  });

  it('is replaced, or forgotten, only while it is what was meant', async () => {
    const credentials = credentialsIn(slowVault());
    const [old, next, other] = [tokens('old'), tokens('next'), tokens('other')];
    await credentials.save(alice, old);
    expect(await credentials.replace(alice, old, next)).toBe(true);
    const [login] = [credentials.save(alice, other)];
    expect(await credentials.replace(alice, next, tokens('late'))).toBe(false);
    expect(await credentials.replace(alice, next, undefined)).toBe(false);
    await login;
    expect(await credentials.tokens(alice)).toEqual(other);
    expect(await credentials.replace(alice, other, undefined)).toBe(true);
    expect(await credentials.tokens(alice)).toBeUndefined();
    expect(await credentials.accounts()).toEqual([]);
    expect(await credentials.replace(alice, other, next)).toBe(false);
  });

  it('is not out of order after a vault that failed', async () => {
    const vault = memoryVault();
    const credentials = credentialsIn({
      ...vault,
      write: (...what) => (what[3].includes('bad') ? Promise.reject(new Error('no')) : vault.write(...what)),
    });
    await expect(credentials.save(alice, tokens('bad'))).rejects.toThrow('no');
    await credentials.save(alice, tokens('good'));
    expect(await credentials.tokens(alice)).toEqual(tokens('good'));
  });
});
