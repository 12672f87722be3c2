import { createHash } from 'node:crypto';
import type { StoredOAuthClientInformation, StoredOAuthTokens } from '@modelcontextprotocol/client';
import { DEFAULT_TENANT } from '../../../../kernel/principal.ts';
import { createRecentMap } from '../../../../kernel/recent-map.ts';
import type { Vault } from '../../../../kernel/vault.ts';
import { accountKey, type Account } from './account.ts';

/**
 * What the vault holds for one server: everybody's tokens, and the clients that this platform is registered as. What is
 * asked of the tokens is done one after the other, in the order in which it was asked.
 */
export interface Credentials {
  /** They carry the issuer that made them: at another they are as good as absent. */
  tokens(account: Account): Promise<StoredOAuthTokens | undefined>;
  save(account: Account, tokens: StoredOAuthTokens): Promise<void>;
  /**
   * What has come of these very tokens takes their place; undefined, when nothing has. false, and nothing done, when
   * they are no longer there: their account has logged out, or in anew, meanwhile.
   */
  replace(account: Account, old: StoredOAuthTokens, renewed: StoredOAuthTokens | undefined): Promise<boolean>;
  /** false when there were none. */
  forget(account: Account): Promise<boolean>;
  /** Who has logged in; the latest first, and only so many. */
  accounts(): Promise<readonly Account[]>;
  client(issuer: string): Promise<StoredOAuthClientInformation | undefined>;
  saveClient(issuer: string, client: StoredOAuthClientInformation): Promise<void>;
  forgetClient(issuer: string): Promise<void>;
}

/** Tokens that are kept in memory beside the vault; each request needs them. */
const MAX_REMEMBERED = 1_000;
const MAX_ACCOUNTS = 20;

export interface CredentialsOptions {
  readonly vault: Vault;
  readonly server: string;
  /** Tokens are bound to it: under the same name, another server never gets them. */
  readonly url: string;
  /** A client is registered for one address to come back to. */
  readonly redirectUrl: () => string;
}

export function createCredentials({ vault, server, url, redirectUrl }: CredentialsOptions): Credentials {
  const remembered = createRecentMap<StoredOAuthTokens>(MAX_REMEMBERED);
  const own = { tenant: DEFAULT_TENANT, owner: `server:${server}` };
  const tokensName = `mcp/${server}/tokens/${short(url)}`;
  const accountsName = `mcp/${server}/accounts/${short(url)}`;
  const clientName = (issuer: string): string => `mcp/${server}/client/${short(url, issuer, redirectUrl())}`;

  async function load<T>({ tenant, owner }: Account, name: string): Promise<T | undefined> {
    const text = await vault.read(tenant, owner, name);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  const store = ({ tenant, owner }: Account, name: string, value: unknown): Promise<void> =>
    vault.write(tenant, owner, name, JSON.stringify(value));

  const accounts = async (): Promise<readonly Account[]> => (await load<Account[]>(own, accountsName)) ?? [];

  let last: Promise<unknown> = Promise.resolve();
  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  }

  function remember(account: Account, tokens: StoredOAuthTokens): void {
    remembered.set(accountKey(account), tokens);
    remembered.trim();
  }

  async function keep(account: Account, tokens: StoredOAuthTokens): Promise<void> {
    await store(account, tokensName, tokens);
    remember(account, tokens);
    await store(own, accountsName, [account, ...(await othersThan(account))].slice(0, MAX_ACCOUNTS));
  }

  async function drop(account: Account): Promise<boolean> {
    remembered.delete(accountKey(account));
    const was = await vault.remove(account.tenant, account.owner, tokensName);
    const others = await othersThan(account);
    if (others.length < (await accounts()).length) await store(own, accountsName, others);
    return was;
  }

  const othersThan = async (account: Account): Promise<Account[]> =>
    (await accounts()).filter((other) => accountKey(other) !== accountKey(account));

  return {
    tokens: async (account) =>
      remembered.get(accountKey(account)) ??
      inOrder(async () => {
        const tokens = await load<StoredOAuthTokens>(account, tokensName);
        if (tokens) remember(account, tokens);
        return tokens;
      }),
    save: (account, tokens) => inOrder(() => keep(account, tokens)),
    replace: (account, old, renewed) =>
      inOrder(async () => {
        const held = await load<StoredOAuthTokens>(account, tokensName);
        if (held?.access_token !== old.access_token || held.refresh_token !== old.refresh_token) return false;
        await (renewed ? keep(account, renewed) : drop(account));
        return true;
      }),
    forget: (account) => inOrder(() => drop(account)),
    accounts,
    client: (issuer) => load<StoredOAuthClientInformation>(own, clientName(issuer)),
    saveClient: (issuer, client) => store(own, clientName(issuer), client),
    forgetClient: async (issuer) => void (await vault.remove(own.tenant, own.owner, clientName(issuer))),
  };
}

const short = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
