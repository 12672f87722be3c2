import { AipError, type JsonObject } from '@aip/wire';
import type { Exchange } from '../../../exchange/index.ts';
import type { FetchFor } from '../../../kernel/outbound.ts';
import type { Principal } from '../../../kernel/principal.ts';
import type { ReadSecret } from '../../../kernel/secret.ts';
import type { Vault } from '../../../kernel/vault.ts';
import { checkName, type UpstreamConfig, type UpstreamLog } from './config.ts';
import { createAccess, type Access } from './oauth/access.ts';
import { accountOf, type Account } from './oauth/account.ts';
import type { ClientIdentity } from './oauth/client.ts';
import { CALLBACK_PATH, CLIENT_PATH } from './oauth/endpoints.ts';
import { createLogins, type Logins, type LoginState } from './oauth/logins.ts';
import type { UpstreamStatus } from './status.ts';
import { startUpstream, type Upstream } from './upstream.ts';

export type { UpstreamConfig } from './config.ts';
export { registerLoginEndpoints } from './oauth/endpoints.ts';

/** A login that a browser has to finish. */
export interface BegunLogin {
  readonly id: string;
  readonly url: string;
  /** Milliseconds since the Unix epoch. */
  readonly expires: number;
}

/** The configured MCP servers behind the gateway. */
export interface McpUpstreams {
  /** Begins to connect to all of them; a server that is down holds nobody up. */
  start(): void;
  /** Resolves when each has been tried once, or after `timeout` milliseconds: what they offer is in the catalogue then. */
  settled(timeout: number): Promise<void>;
  /** Adds one while running. Throws CONFIG_INVALID for an unusable name, DUPLICATE for one in use. */
  add(name: string, config: UpstreamConfig): void;
  /** Ends its connections and takes what it offers out of the catalogue. */
  remove(name: string): Promise<void>;
  /** Ends its connections, a process of its own with them, and begins anew. Throws NOT_FOUND. */
  restart(name: string): Promise<void>;
  has(name: string): boolean;
  /**
   * Calls back whenever a resource of a server has changed; the returned function stops it. Throws
   * UNSUPPORTED_OPERATION where nobody can tell.
   */
  watch(server: string, uri: string, updated: () => void): Promise<() => void>;
  /** What each server declares in `capabilities.extensions`. */
  readonly extensions: () => Iterable<readonly [server: string, declared: JsonObject]>;
  /** How closely a server's tools are watched for changes; undefined for a name that is none. */
  pinning(name: string): UpstreamConfig['pin'];
  /**
   * Begins a login of this principal at a server; whoever opens the URL finishes it in a browser.
   * Throws NOT_FOUND, UNSUPPORTED_OPERATION where there is nothing to log in to, and what `Access.login` throws.
   */
  login(name: string, principal: Principal): Promise<BegunLogin>;
  /** Resolves when the principal's login has ended, or the signal aborts. Throws NOT_FOUND when there is none of this id. */
  loginEnded(id: string, principal: Principal, signal: AbortSignal): Promise<LoginState>;
  /** Forgets the principal's tokens; false when there were none. */
  logout(name: string, principal: Principal): Promise<boolean>;
  /** Logins that browsers have to finish. */
  readonly logins: Logins;
  status(): UpstreamStatus[];
  stop(): Promise<void>;
}

export interface McpUpstreamsOptions {
  readonly servers: Readonly<Record<string, UpstreamConfig>>;
  /** Carries every request to a server that is reached over HTTP; the platform's guarded fetch. */
  readonly fetchFor: FetchFor;
  /** Holds tokens of users, and the clients that the platform is registered as. */
  readonly vault: Vault;
  /** For what the configuration cites. */
  readonly readSecret: ReadSecret;
  /** Where browsers, and authorization servers, reach the platform: an origin. */
  readonly baseUrl: () => string;
  readonly log?: UpstreamLog;
}

/** Throws CONFIG_INVALID for an unusable name. Commands come from the configuration only, never from a message. */
export function createMcpUpstreams(
  exchange: Exchange,
  { servers, fetchFor, vault, readSecret, baseUrl, log = () => {} }: McpUpstreamsOptions,
): McpUpstreams {
  const configured = new Map(Object.entries(servers));
  for (const name of configured.keys()) checkName(name);
  const running = new Map<string, Upstream>();

  const accesses = new Map<string, Access>();
  const logins = createLogins(() => exchange.clock.now());

  function run(name: string, config: UpstreamConfig): void {
    // A server that is restarted goes on with the one it had: two would renew the same tokens.
    const access =
      accesses.get(name) ??
      ('url' in config
        ? createAccess({ server: name, config, fetchFor, vault, readSecret, identity: () => identityAt(baseUrl()) })
        : undefined);
    if (access) accesses.set(name, access);
    const upstream = startUpstream(exchange, name, config, {
      access,
      readSecret,
      log,
      login: async (account) => (await begin(name, account)).url,
    });
    running.set(name, upstream);
  }

  function accessOf(name: string): Access {
    const access = accesses.get(name);
    if (access && !access.service) return access;
    if (!configured.has(name)) throw unknown(name);
    throw new AipError('UNSUPPORTED_OPERATION', `There is nothing to log in to at "${name}".`);
  }

  async function begin(name: string, account: Account): Promise<BegunLogin> {
    const login = await accessOf(name).login(account);
    const { id, until } = logins.keep(login);
    return { id, url: login.url, expires: until };
  }

  return {
    start() {
      for (const [name, config] of configured) if (!running.has(name)) run(name, config);
    },
    async settled(timeout) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeout);
      });
      await Promise.race([Promise.all([...running.values()].map((upstream) => upstream.tried)), late]);
      clearTimeout(timer);
    },
    add(name, config) {
      checkName(name);
      if (configured.has(name))
        throw new AipError(
          'DUPLICATE',
          `There is an MCP server "${name}" already; remove it first or choose another name.`,
        );
      configured.set(name, config);
      run(name, config);
    },
    async remove(name) {
      const upstream = running.get(name);
      if (!configured.delete(name)) throw unknown(name);
      running.delete(name);
      accesses.delete(name);
      await upstream?.stop();
    },
    async restart(name) {
      const config = configured.get(name);
      if (!config) throw unknown(name);
      await running.get(name)?.stop();
      // Whoever has taken it out meanwhile does not want it back.
      if (configured.get(name) === config) run(name, config);
    },
    has: (name) => configured.has(name),
    async watch(server, uri, updated) {
      const upstream = running.get(server);
      if (!upstream) throw new AipError('UNSUPPORTED_OPERATION', 'Only resources of MCP servers can be watched.');
      return upstream.watch(uri, updated);
    },
    extensions: () => [...running.values()].map(({ name, extensions }) => [name, extensions] as const),
    pinning: (name) => (configured.has(name) ? (configured.get(name)?.pin ?? 'enforce') : undefined),
    login: (name, principal) => begin(name, accountOf(principal)),
    loginEnded: (id, principal, signal) => logins.ended(id, accountOf(principal), signal),
    logout: async (name, principal) => accessOf(name).logout(accountOf(principal)),
    logins,
    status: () => [...running.values()].map((upstream) => upstream.status()),
    async stop() {
      logins.release();
      await Promise.all([...running.values()].map((upstream) => upstream.stop()));
      running.clear();
    },
  };
}

const unknown = (name: string): AipError => new AipError('NOT_FOUND', `There is no MCP server "${name.slice(0, 64)}".`);

/** A metadata document counts only where others can fetch it, which takes https. */
const identityAt = (base: string): ClientIdentity => ({
  redirectUrl: base + CALLBACK_PATH,
  metadataUrl: base.startsWith('https:') ? base + CLIENT_PATH : undefined,
});
