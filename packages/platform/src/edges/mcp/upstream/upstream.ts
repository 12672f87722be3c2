import { AipError, type JsonObject } from '@aip/wire';
import type { ClientCapabilities } from '@modelcontextprotocol/client';
import type { Exchange } from '../../../exchange/index.ts';
import type { Body } from '../../../kernel/body.ts';
import type { CatalogueEntry } from '../../../kernel/catalogue.ts';
import { errorBody } from '../../../kernel/error-body.ts';
import type { Route, RouteCall } from '../../../kernel/route.ts';
import type { RouteEvent } from '../../../kernel/task.ts';
import type { UpstreamConfig, UpstreamLog } from './config.ts';
import { connect, listAll, listAskingTools, type Connection, type ConnectOptions } from './connection.ts';
import { entriesOf } from './entries.ts';
import { eventChannel, type EventChannel } from './event-channel.ts';
import { failureOf, isConnectionLoss, isLostSession } from './failures.ts';
import { createLanes, mayAsk, type Turn } from './lanes.ts';
import { perform } from './perform.ts';

/** First pause before a server is tried again, and the longest, in milliseconds. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 30_000;
/** A connection that has held this long starts the pauses anew. */
const STABLE = 30_000;
/** How long a call waits for a connection that is just being opened, in milliseconds. */
const PATIENCE = 5_000;

export interface UpstreamStatus {
  readonly name: string;
  readonly state: 'starting' | 'active' | 'offline' | 'stopped';
  readonly transport: 'stdio' | 'http';
  readonly era?: 'modern' | 'legacy';
  readonly tools: number;
  /** Times a connection has been lost or not been made. */
  readonly failures: number;
  /** Why it is not active. */
  readonly error?: string;
}

/** One supervised server: kept connected, its lists in the catalogue, its calls delivered. */
export interface Upstream {
  readonly name: string;
  status(): UpstreamStatus;
  /** Resolves once the first attempt to connect has ended, either way. */
  readonly tried: Promise<void>;
  stop(): Promise<void>;
}

export function startUpstream(exchange: Exchange, name: string, config: UpstreamConfig, log: UpstreamLog): Upstream {
  const { catalogue, routes } = exchange;
  const stopping = new AbortController();
  const { promise: tried, resolve: firstTried } = Promise.withResolvers<void>();
  let connection: Connection | undefined;
  let next = Promise.withResolvers<Connection>();
  let state: UpstreamStatus['state'] = 'starting';
  let entries: readonly CatalogueEntry[] = [];
  let failures = 0;
  let lastError: string | undefined;

  const base: ConnectOptions = { name, config, capabilities: {}, log, signal: stopping.signal };
  const open = (capabilities: ClientCapabilities, more: Partial<ConnectOptions>): Promise<Connection> =>
    connect({ ...base, capabilities, ...more });
  const lanes = createLanes((capabilities, prepare) => open(capabilities, { prepare }));
  const unbind = routes.bind(name, { reach: 'remote', deliver } satisfies Route);

  // ── staying connected ──────────────────────────────────────────────────────────────────────────────

  async function supervise(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!stopping.signal.aborted) {
      const since = performance.now();
      try {
        await hold();
        lastError = 'the connection has ended';
      } catch (error) {
        lastError = failureOf(name, error, 'none').error.message;
      }
      firstTried();
      if (stopping.signal.aborted) break;
      failures++;
      offline();
      if (performance.now() - since > STABLE) pause = FIRST_PAUSE;
      log('warn', 'an upstream is offline', { server: name, error: lastError, retryInMs: pause });
      await sleep(pause, stopping.signal);
      // Many servers that fell together do not come back together.
      pause = Math.min(LONGEST_PAUSE, pause * 2) * (0.9 + Math.random() / 5);
    }
  }

  /** Connects, lists, and stays until the connection is lost. */
  async function hold(): Promise<void> {
    const opened = await open({}, { onListChanged: () => void refresh(opened).catch(() => opened.lose()) });
    try {
      await refresh(opened);
      connection = opened;
      state = 'active';
      lastError = undefined;
      next.resolve(opened);
      firstTried();
      log('info', 'an upstream is connected', {
        server: name,
        era: opened.client.getProtocolEra(),
        tools: toolCount(),
      });
      void learnAskingTools(opened);
      await opened.lost;
    } finally {
      drop(opened);
      await opened.close().catch(() => {});
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
        const listing = await listAll(opened);
        const known = new Set(listing.tools.map((tool) => tool['name']));
        const more = (askingTools ?? []).filter((tool) => !known.has(tool['name'] ?? null));
        const listed = entriesOf(name, config, { ...listing, tools: [...listing.tools, ...more] }, log);
        if (stopping.signal.aborted) return;
        entries = listed;
        catalogue.put(name, entries);
      } while (again);
    })().finally(() => (refreshing = undefined));
    return refreshing;
  }

  let askingTools: readonly JsonObject[] | undefined;

  /** Found out once: it may take a process of its own. */
  async function learnAskingTools(opened: Connection): Promise<void> {
    if (askingTools !== undefined) return;
    askingTools = [];
    try {
      askingTools = await listAskingTools(opened, base);
      if (connection === opened) await refresh(opened);
    } catch (error) {
      log('info', 'an upstream was not asked for the tools that ask', {
        server: name,
        error: failureOf(name, error, 'none').error.message,
      });
    }
  }

  /** What it offers stays known, so that callers are told what is wrong instead of finding nothing. */
  function offline(): void {
    state = 'offline';
    entries = entries.map((entry) => ({ ...entry, state: 'offline' }));
    catalogue.put(name, entries);
  }

  const toolCount = (): number => entries.filter((entry) => entry.kind === 'tool').length;

  // ── delivering calls ───────────────────────────────────────────────────────────────────────────────

  async function* deliver(call: RouteCall): AsyncIterable<RouteEvent> {
    const channel = eventChannel();
    void work(call, channel).then((end) => channel.push(end));
    yield* channel.events();
  }

  /** Ends with exactly one `done` or `failed`. */
  async function work(call: RouteCall, channel: EventChannel): Promise<RouteEvent> {
    const possible = call.entry.effect === 'read' ? 'none' : 'unknown';
    let turn: Turn | undefined;
    try {
      turn = mayAsk(call.message) && call.entry.kind === 'tool' ? await lanes.take(call, channel) : undefined;
      const body = turn ? await perform(turn.connection.client, call, channel) : await performShared(call, channel);
      return { type: 'done', body };
    } catch (thrown) {
      if (thrown instanceof AipError) return { type: 'failed', error: thrown.toJSON(), effect: 'none' };
      if (call.signal.aborted)
        return { type: 'failed', error: errorBody('CANCELED', `The call to ${name} was canceled.`), effect: possible };
      return { type: 'failed', ...failureOf(name, thrown, possible) };
    } finally {
      turn?.end();
    }
  }

  async function performShared(call: RouteCall, channel: EventChannel): Promise<Body> {
    const used = await current();
    try {
      return await perform(used.client, call, channel);
    } catch (error) {
      if ('url' in config && !call.signal.aborted && isConnectionLoss(error)) drop(used);
      const renewed = isLostSession(error) ? await soon() : undefined;
      if (!renewed) throw error;
      return await perform(renewed.client, call, channel);
    }
  }

  /** The connection; a server that is down fails its callers at once. */
  async function current(): Promise<Connection> {
    const found = connection ?? (state === 'starting' ? await soon() : undefined);
    if (found) return found;
    throw new AipError(
      'UPSTREAM_FAILED',
      `${name} is down and is being tried again${lastError === undefined ? '' : ` (${lastError})`}.`,
    );
  }

  const soon = (): Promise<Connection | undefined> => Promise.race([next.promise, sleep(PATIENCE, stopping.signal)]);

  const running = supervise();

  return {
    name,
    tried,
    status() {
      const era = connection?.client.getProtocolEra();
      return {
        name,
        state: stopping.signal.aborted ? 'stopped' : state,
        transport: 'command' in config ? 'stdio' : 'http',
        tools: toolCount(),
        failures,
        ...(era === undefined ? {} : { era }),
        ...(lastError === undefined ? {} : { error: lastError }),
      };
    },
    async stop() {
      stopping.abort();
      unbind();
      catalogue.remove(name);
      connection?.lose();
      await lanes.close();
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
