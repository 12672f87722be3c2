import { setTimeout as delay } from 'node:timers/promises';
import { AipError, type JsonObject } from '@aip/wire';
import type { Exchange } from '../../../exchange/index.ts';
import type { CatalogueEntry } from '../../../kernel/catalogue.ts';
import type { Route } from '../../../kernel/route.ts';
import type { ReadSecret } from '../../../kernel/secret.ts';
import type { UpstreamConfig, UpstreamLog } from './config.ts';
import { connect, listAll, listAskingTools, type Connection, type ConnectOptions } from './connection.ts';
import { createDelivery } from './delivery.ts';
import { entriesOf, type Listing } from './entries.ts';
import { aipErrorIn, failureOf } from './failures.ts';
import { handleLogs } from './logs.ts';
import type { Access } from './oauth/access.ts';
import type { Account } from './oauth/account.ts';
import { createWatching } from './watching.ts';

/** First pause before a server is tried again, and the longest, in milliseconds. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 30_000;
/** A connection that has held this long starts the pauses anew. */
const STABLE = 30_000;
/** What the latest call weighs in the latency that is shown. */
const LATEST = 0.2;
/** How long a call waits for a connection that is just being opened, in milliseconds. */
const PATIENCE = 5_000;
/** Between two listings of a server that announces changes faster than it is listed, in milliseconds. */
const RELISTING = 200;

export interface UpstreamStatus {
  readonly name: string;
  /** `login_needed`: nobody whom the server lets in has logged in; see `mcp.login`. */
  readonly state: 'starting' | 'active' | 'offline' | 'login_needed' | 'stopped';
  readonly transport: 'stdio' | 'http';
  readonly era?: 'modern' | 'legacy';
  /** Milliseconds since the Unix epoch: how long it has been so. */
  readonly since: number;
  readonly tools: number;
  /** Of the child process. */
  readonly pid?: number;
  /** Milliseconds that calls have taken lately. */
  readonly latency?: number;
  /** Times a connection has been lost or not been made. */
  readonly failures: number;
  /** Why it is not active. */
  readonly error?: string;
}

/** One supervised server: kept connected, its lists in the catalogue, its calls delivered. */
export interface Upstream {
  readonly name: string;
  status(): UpstreamStatus;
  /** Calls back whenever a resource of the server has changed. Throws UNSUPPORTED_OPERATION if the server cannot tell. */
  watch(uri: string, updated: () => void): Promise<() => void>;
  /** What it declared in `capabilities.extensions` when it was last connected. */
  readonly extensions: JsonObject;
  /** Resolves once the first attempt to connect has ended, either way. */
  readonly tried: Promise<void>;
  stop(): Promise<void>;
}

export interface UpstreamOptions {
  /** For a server over HTTP. */
  readonly access?: Access | undefined;
  readonly readSecret: ReadSecret;
  readonly log: UpstreamLog;
  /** Keeps a login that a person has to finish; returns its URL. */
  readonly login: (account: Account) => Promise<string>;
}

export function startUpstream(
  exchange: Exchange,
  name: string,
  config: UpstreamConfig,
  { access, readSecret, log, login }: UpstreamOptions,
): Upstream {
  const { catalogue, routes } = exchange;
  const stopping = new AbortController();
  const { promise: tried, resolve: firstTried } = Promise.withResolvers<void>();
  const { promise: allListed, resolve: firstListed } = Promise.withResolvers<void>();
  let connection: Connection | undefined;
  /** Whose connection it is, when it is not everybody's. */
  let lister: Account | undefined;
  let next = Promise.withResolvers<Connection>();
  let state: UpstreamStatus['state'] = 'starting';
  let stateSince = exchange.clock.now();
  let entries: readonly CatalogueEntry[] = [];
  let failures = 0;
  let lastError: string | undefined;
  let extensions: JsonObject = {};
  let latency: number | undefined;

  const base: ConnectOptions = {
    name,
    config,
    readSecret,
    capabilities: {},
    log,
    fetch: access?.as(access.service) ?? fetch,
    signal: stopping.signal,
  };
  const open = (more: Partial<ConnectOptions>): Promise<Connection> => connect({ ...base, ...more });
  const delivery = createDelivery({
    name,
    shared: { current, drop, next: soon },
    open,
    access,
    login,
    onDone: (took) => (latency = latency === undefined ? took : latency + (took - latency) * LATEST),
  });
  let loggedIn = new AbortController();
  const unfollow = access?.onChange(() => loggedIn.abort());
  const watching = createWatching(current);
  const unbind = routes.bind(name, { reach: 'remote', deliver: delivery.deliver, absence } satisfies Route);
  routes.expect(name, allListed);

  // ── staying connected ──────────────────────────────────────────────────────────────────────────────

  async function supervise(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!stopping.signal.aborted) {
      const since = performance.now();
      let why: 'offline' | 'login_needed' = 'offline';
      loggedIn = new AbortController();
      try {
        await hold();
        lastError = 'the connection has ended';
      } catch (error) {
        const { code, message } = failureOf(name, error, 'none').error;
        if (code === 'REAUTHORISE') why = 'login_needed';
        lastError = message;
      }
      firstTried();
      firstListed();
      if (stopping.signal.aborted) break;
      failures++;
      absent(why);
      if (performance.now() - since > STABLE) pause = FIRST_PAUSE;
      log('warn', 'an upstream is offline', { server: name, error: lastError, retryInMs: pause });
      await sleep(pause, AbortSignal.any([stopping.signal, loggedIn.signal]));
      // Many servers that fell together do not come back together.
      pause = Math.min(LONGEST_PAUSE, pause * 2) * (0.9 + Math.random() / 5);
    }
  }

  /** Connects, lists, and stays until the connection is lost. */
  async function hold(): Promise<void> {
    const opened = await openListing({
      prepare(client) {
        handleLogs(client);
        watching.prepare(client);
      },
      onListChanged: () => void refresh(opened).catch(() => opened.lose()),
    });
    const end = (): void => void opened.close().catch(() => {});
    stopping.signal.addEventListener('abort', end, { once: true });
    try {
      await refresh(opened);
      stopping.signal.throwIfAborted();
      connection = opened;
      extensions = opened.client.getServerCapabilities()?.extensions ?? {};
      state = 'active';
      stateSince = exchange.clock.now();
      lastError = undefined;
      watching.renew(opened);
      next.resolve(opened);
      firstTried();
      log('info', 'an upstream is connected', {
        server: name,
        era: opened.client.getProtocolEra(),
        tools: toolCount(),
      });
      void learnAskingTools(opened).then(firstListed);
      await opened.lost;
    } finally {
      stopping.signal.removeEventListener('abort', end);
      drop(opened);
      await opened.close().catch(() => {});
    }
  }

  /**
   * The connection whose lists are shown. Where a server lets nobody in without a login it is that of somebody who has
   * logged in, and is used for nothing else.
   */
  async function openListing(options: Partial<ConnectOptions>): Promise<Connection> {
    lister = undefined;
    try {
      return await open(options);
    } catch (error) {
      if (!access || aipErrorIn(error)?.code !== 'REAUTHORISE') throw error;
      for (const account of await access.accounts()) {
        const opened = await open({ ...options, fetch: access.as(account) }).catch(() => undefined);
        if (!opened) continue;
        lister = account;
        return opened;
      }
      throw error;
    }
  }

  /** Calls from now on wait for the next connection, or are told that there is none. */
  function drop(lost: Connection): void {
    if (connection === lost) {
      connection = undefined;
      next = Promise.withResolvers();
    }
    lost.lose();
  }

  let refreshing: Promise<void> | undefined;
  let again = false;

  /** Reads the lists anew; changes that come meanwhile are read after it. */
  async function refresh(opened: Connection): Promise<void> {
    if (refreshing) {
      again = true;
      return refreshing;
    }
    refreshing = (async () => {
      do {
        again = false;
        const listing = shareable(await listAll(opened));
        const known = new Set(listing.tools.map((tool) => tool['name']));
        const more = (askingTools ?? []).filter((tool) => !known.has(tool['name'] ?? null));
        const found = entriesOf(name, config, { ...listing, tools: [...listing.tools, ...more] }, log);
        if (stopping.signal.aborted) return;
        entries = found;
        catalogue.put(name, entries);
        // A server that announces changes without end is read again and again, but not all the time.
        if (again) await delay(RELISTING, undefined, { signal: stopping.signal }).catch(() => {});
      } while (again && !stopping.signal.aborted);
    })().finally(() => (refreshing = undefined));
    return refreshing;
  }

  /** Which resources somebody has is nobody else's business; by their URIs everybody reads their own. */
  const shareable = (listing: Listing): Listing => (lister ? { ...listing, resources: [] } : listing);

  let askingTools: readonly JsonObject[] | undefined;

  /** Found out once: it may take a process of its own. */
  async function learnAskingTools(opened: Connection): Promise<void> {
    if (askingTools !== undefined) return;
    askingTools = [];
    try {
      askingTools = await listAskingTools(opened, lister && access ? { ...base, fetch: access.as(lister) } : base);
      if (connection === opened) await refresh(opened);
    } catch (error) {
      log('info', 'an upstream was not asked for the tools that ask', {
        server: name,
        error: failureOf(name, error, 'none').error.message,
      });
    }
  }

  /** What it offers stays known, so that callers are told what is wrong instead of finding nothing. */
  function absent(why: 'offline' | 'login_needed'): void {
    if (state !== why) stateSince = exchange.clock.now();
    state = why;
    entries = entries.map((entry) => ({ ...entry, state: 'offline' }));
    catalogue.put(name, entries);
  }

  /** What it offers is not known for sure while it is not connected. */
  function absence(): string | undefined {
    if (state === 'active') return undefined;
    const since = new Date(stateSince).toISOString();
    const reason = lastError === undefined ? '' : `; last error: ${lastError.replace(/\.$/, '')}`;
    return `The MCP server "${name}" has been ${state === 'login_needed' ? 'waiting for a login' : state} since ${since}${reason}.`;
  }

  const toolCount = (): number => entries.filter((entry) => entry.kind === 'tool').length;

  // ── the connection that callers share ──────────────────────────────────────────────────────────────

  /** The connection; a server that is down fails its callers at once. */
  async function current(): Promise<Connection> {
    const found = connection ?? (state === 'starting' ? await soon() : undefined);
    if (access && (lister || state === 'login_needed')) throw access.reauthorise();
    if (found) return found;
    throw new AipError(
      'UPSTREAM_FAILED',
      `${name} is down and is being tried again${lastError === undefined ? '' : ` (${lastError})`}.`,
    );
  }

  function soon(): Promise<Connection | undefined> {
    return Promise.race([next.promise, sleep(PATIENCE, stopping.signal)]);
  }

  const running = supervise();

  return {
    name,
    tried,
    watch: (uri, updated) => watching.add(uri, updated),
    get extensions() {
      return extensions;
    },
    status() {
      const era = connection?.client.getProtocolEra();
      const pid = (connection?.client.transport as { pid?: number } | undefined)?.pid;
      return {
        name,
        state: stopping.signal.aborted ? 'stopped' : state,
        transport: 'command' in config ? 'stdio' : 'http',
        since: stateSince,
        tools: toolCount(),
        failures,
        ...(era === undefined ? {} : { era }),
        ...(pid === undefined ? {} : { pid }),
        ...(latency === undefined ? {} : { latency: Math.round(latency) }),
        ...(lastError === undefined ? {} : { error: lastError }),
      };
    },
    async stop() {
      stopping.abort();
      unbind();
      catalogue.remove(name);
      connection?.lose();
      unfollow?.();
      await delivery.close();
      await running;
    },
  };
}

function sleep(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve(undefined);
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
}
