import { AipError, type JsonObject } from '@aip/wire';
import type { Exchange } from '../../../exchange/index.ts';
import type { Route } from '../../../kernel/route.ts';
import type { ReadSecret } from '../../../kernel/secret.ts';
import type { UpstreamConfig, UpstreamLog } from './config.ts';
import { connect, listAskingTools, type Connection, type ConnectOptions } from './connection.ts';
import { createDelivery } from './delivery.ts';
import { aipErrorIn, failureOf } from './failures.ts';
import { handleLogs } from './logs.ts';
import type { Access } from './oauth/access.ts';
import type { Account } from './oauth/account.ts';
import { createOffering } from './offering.ts';
import type { UpstreamStatus } from './status.ts';
import { sleep, supervise } from './supervision.ts';
import { createWatching } from './watching.ts';

/** What the latest call weighs in the latency that is shown. */
const LATEST = 0.2;
/** How long a call waits for a connection that is just being opened, in milliseconds. */
const PATIENCE = 5_000;
/** Lines of standard error that are told with the end of a process. */
const LAST_LINES = 20;
/** How often it is said that a server is still offline, for the same reason, in milliseconds. */
const SAID_AGAIN = 60_000;

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
  let failures = 0;
  let lastError: string | undefined;
  /** What the log was last told of being offline, since the last connection, and when. */
  let said: { readonly error: string; readonly at: number } | undefined;
  let lastLines: readonly string[] = [];
  /** Those of the process that was lost last; the next attempt has its own. */
  let lostLines: readonly string[] = [];
  let extensions: JsonObject = {};
  let latency: number | undefined;

  const base: ConnectOptions = {
    name,
    config,
    readSecret,
    capabilities: {},
    log,
    signal: stopping.signal,
    ...(access?.as(access.service) ?? { fetch }),
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
  const offering = createOffering({
    name,
    config,
    catalogue,
    log,
    stopping: stopping.signal,
    isPersonal: () => lister !== undefined,
    listAskingTools: (opened) => listAskingTools(opened, lister && access ? { ...base, ...access.as(lister) } : base),
    isCurrent: (opened) => opened === connection,
  });
  const watching = createWatching(current);
  const unbind = routes.bind(name, { reach: 'remote', deliver: delivery.deliver, absence } satisfies Route);
  routes.expect(name, allListed);

  // ── staying connected ──────────────────────────────────────────────────────────────────────────────

  /** Connects, lists, and stays until the connection is lost. */
  async function hold(): Promise<void> {
    lastLines = [];
    const opened = await openListing({
      onStandardError: (line) => (lastLines = [...lastLines, line].slice(-LAST_LINES)),
      prepare(client) {
        handleLogs(client);
        watching.prepare(client);
      },
      onListChanged: () => void offering.refresh(opened).catch(() => opened.lose()),
    });
    const end = (): void => void opened.close().catch(() => {});
    stopping.signal.addEventListener('abort', end, { once: true });
    try {
      await offering.refresh(opened);
      stopping.signal.throwIfAborted();
      connection = opened;
      extensions = opened.client.getServerCapabilities()?.extensions ?? {};
      state = 'active';
      stateSince = exchange.clock.now();
      lastError = undefined;
      said = undefined;
      lostLines = [];
      watching.renew(opened);
      next.resolve(opened);
      firstTried();
      log('info', 'an MCP server is connected', {
        server: name,
        era: opened.client.getProtocolEra(),
        tools: offering.tools,
      });
      void offering.learnAskingTools(opened).then(firstListed);
      await opened.lost;
    } finally {
      stopping.signal.removeEventListener('abort', end);
      drop(opened);
      await opened.close().catch(() => {});
    }
  }

  function onLost(thrown: unknown, retryInMs: number): void {
    const error = thrown === undefined ? undefined : failureOf(name, thrown, 'none').error;
    const reason = withoutName(error?.message ?? 'the connection has ended');
    lastError = reason;
    lostLines = lastLines;
    firstTried();
    firstListed();
    if (stopping.signal.aborted) return;
    failures++;
    const why = error?.code === 'REAUTHORISE' ? 'login_needed' : 'offline';
    if (state !== why) stateSince = exchange.clock.now();
    state = why;
    offering.goOffline();
    const at = exchange.clock.monotonic();
    if (said?.error === reason && at - said.at < SAID_AGAIN) return;
    said = { error: reason, at };
    const stderr = lastLines.length === 0 ? {} : { stderr: lastLines };
    log('warn', 'an MCP server is offline', { server: name, error: reason, retryInMs, ...stderr });
  }

  /** Whoever is told the error knows already which server it is about. */
  function withoutName(message: string): string {
    return message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
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
        const opened = await open({ ...options, ...access.as(account) }).catch(() => undefined);
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

  /** What it offers is not known for sure while it is not connected. */
  function absence(): string | undefined {
    if (state === 'active') return undefined;
    const since = new Date(stateSince).toISOString();
    const reason = lastError === undefined ? '' : `; last error: ${lastError.replace(/\.$/, '')}`;
    return `The MCP server "${name}" has been ${state === 'login_needed' ? 'waiting for a login' : state} since ${since}${reason}.`;
  }

  // ── the connection that callers share ──────────────────────────────────────────────────────────────

  /** The connection; a server that is down fails its callers at once. */
  async function current(): Promise<Connection> {
    const found = connection ?? (state === 'starting' ? await soon() : undefined);
    if (access && (lister || state === 'login_needed')) throw access.reauthorise();
    if (found) return found;
    throw new AipError(
      'UPSTREAM_FAILED',
      `${name} is down and is being tried again${lastError === undefined ? '' : ` (${lastError.replace(/\.$/, '')})`}.`,
    );
  }

  function soon(): Promise<Connection | undefined> {
    return Promise.race([next.promise, sleep(PATIENCE, stopping.signal)]);
  }

  const supervision = supervise({ hold, onLost, stopping: stopping.signal });
  const unfollow = access?.onChange(() => supervision.hurry());

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
        reached: 'command' in config ? config.command : new URL(config.url).origin,
        since: stateSince,
        tools: offering.tools,
        failures,
        ...(era === undefined ? {} : { era }),
        ...(pid === undefined ? {} : { pid }),
        ...(latency === undefined ? {} : { latency: Math.round(latency) }),
        ...(lastError === undefined ? {} : { error: lastError }),
        ...(lostLines.length === 0 ? {} : { stderr: lostLines }),
      };
    },
    async stop() {
      stopping.abort();
      unbind();
      catalogue.remove(name);
      connection?.lose();
      unfollow?.();
      await delivery.close();
      await supervision.ended;
    },
  };
}
