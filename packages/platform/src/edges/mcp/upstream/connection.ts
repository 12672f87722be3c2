import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '@aip/wire';
import {
  Client,
  CLIENT_CAPABILITIES_META_KEY,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  type ClientCapabilities,
  type FetchLike,
  type Transport,
} from '@modelcontextprotocol/client';
import { withoutSecrets, type ReadSecret } from '../../../kernel/secret.ts';
import { VERSION } from '../../../kernel/version.ts';
import { PASSED_TO_SERVERS } from '../extensions.ts';
import type { HttpUpstream, UpstreamConfig, UpstreamLog } from './config.ts';
import type { Listing } from './entries.ts';
import { httpTransport } from './http-transport.ts';
import { processTransport } from './process-transport.ts';
import { disguiseTask } from './remote-task-extension.ts';
import { servesTasks } from './remote-task-legacy.ts';
import { createTaskNotices, type TaskNotices } from './remote-task-notices.ts';
import { hiding, revealConfig } from './secrets.ts';
import { sseTransport } from './sse-transport.ts';

/** How long a server may take to open a connection, in milliseconds. */
const CONNECT_TIMEOUT = 30_000;
/** How long it may take to say which era it speaks; older ones over stdio may not answer at all. */
const PROBE_TIMEOUT = 5_000;
/** How long a server may take to let a session go. */
const GOODBYE = 1_000;
/** How long the stream is waited for on which an older server asks: what it asks before that is lost. */
const LISTEN_TIMEOUT = 2_000;
/** How long it may take for one page of a list. */
const LIST_TIMEOUT = 15_000;
/** Longest text of an error, and longest line of standard error, that are logged, in characters. */
const MAX_ERROR = 500;
const MAX_LINE = 4_096;

export interface Connection {
  readonly client: Client;
  /** What it tells of tasks of 2025-11-25. */
  readonly notices: TaskNotices;
  /** Resolves when the connection has ended, whoever ended it. */
  readonly lost: Promise<void>;
  /** Settles `lost`: for a connection that is no longer good though nobody has closed it. */
  lose(): void;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly name: string;
  readonly config: UpstreamConfig;
  /** For what the configuration cites. */
  readonly readSecret: ReadSecret;
  readonly capabilities: ClientCapabilities;
  readonly log: UpstreamLog;
  /** Carries the requests to a server over HTTP, with whatever tokens belong to them. */
  readonly fetch: typeof fetch;
  /** Which tokens those were. */
  readonly told?: () => readonly string[];
  /** Gives up opening. */
  readonly signal: AbortSignal;
  readonly onListChanged?: () => void;
  /** Told each line that a process says beside the protocol, as it may be shown. */
  readonly onStandardError?: (line: string) => void;
  /** Called before the connection opens, to answer what the server may ask. */
  readonly prepare?: (client: Client) => void;
}

/** Opens one connection, in whichever era the server speaks. */
export async function connect(options: ConnectOptions): Promise<Connection> {
  try {
    return await open(options, 'auto');
  } catch (error) {
    if (options.signal.aborted) throw error;
    // Some older servers exit at any question before `initialize`: those are started again and not asked.
    const exited = error instanceof SdkError && error.code === SdkErrorCode.EraNegotiationFailed;
    if ('command' in options.config && exited) return open(options, 'legacy');
    if ('url' in options.config && takesNoPost(error))
      return open(options, 'legacy', sseTransport).catch(() => {
        throw error;
      });
    throw error;
  }
}

/** How a server of 2024-11-05 answers to Streamable HTTP (2025-11-25, transports, backwards compatibility). */
const takesNoPost = (error: unknown): boolean =>
  error instanceof SdkHttpError && [400, 404, 405].includes(error.data.status);

async function open(
  options: ConnectOptions,
  mode: 'auto' | 'legacy',
  overHttp: (config: HttpUpstream<string>, fetch: FetchLike) => Transport = httpTransport,
): Promise<Connection> {
  const { name, capabilities, log, fetch, told, signal, onListChanged, onStandardError, prepare } = options;
  const { config, secrets: cited } = await revealConfig(options.config, options.readSecret);
  const secrets = (): readonly string[] => (told ? [...cited, ...told()] : cited);
  // Hidden before it is cut, or a part of a secret would be left.
  const shown = (text: string, length: number): string => withoutSecrets(text, secrets()).slice(0, length);
  const changed = { autoRefresh: false, debounceMs: 100, onChanged: () => onListChanged?.() };
  const client = new Client(
    { name: 'aip', version: VERSION },
    {
      capabilities: { ...capabilities, extensions: { ...PASSED_TO_SERVERS, ...capabilities.extensions } as never },
      versionNegotiation: { mode, probe: { timeoutMs: PROBE_TIMEOUT } },
      ...(onListChanged ? { listChanged: { tools: changed, prompts: changed, resources: changed } } : {}),
    },
  );
  const notices = createTaskNotices();
  const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
  const report = bounded(name, 'the connection to an MCP server', 'error', log);
  const onerror = (error: Error): void => {
    report(shown(error.message, MAX_ERROR));
    // The stream on which it would tell of changes, and ask, does not come back.
    if (error.message.startsWith('Maximum reconnection attempts')) lose();
  };
  Object.assign(client, { onclose: lose, onerror });
  const reportLine = bounded(name, 'an MCP server says', 'line', log);
  const onLine = (text: string): void => {
    const line = shown(text, MAX_LINE);
    onStandardError?.(line);
    reportLine(line);
  };
  prepare?.(client);
  const bare = 'command' in config ? processTransport(config, onLine) : overHttp(config, fetch);
  const transport: Transport = told || cited.length > 0 ? hiding(bare, secrets) : bare;
  const giveUp = (): void => void transport.close().catch(() => {});
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    signal.throwIfAborted();
    await withinTime(client.connect(transport, { timeout: CONNECT_TIMEOUT }));
    const receive = transport.onmessage?.bind(transport);
    const onmessage: typeof receive = (message, extra) => {
      if (!notices.take(message)) receive?.(disguiseTask(message), extra);
    };
    Object.assign(transport, { onmessage });
    if (client.getProtocolEra() === 'legacy' && 'listening' in transport)
      await Promise.race([transport.listening, sleep(LISTEN_TIMEOUT, undefined, { ref: false })]);
  } catch (error) {
    await transport.close().catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  // A subscription that the server ends is how a stateless server is seen to go.
  void client.autoOpenedSubscription?.closed.then(() => lose());
  return {
    client,
    notices,
    lost,
    lose,
    async close() {
      lose();
      if ('terminateSession' in transport)
        await Promise.race([
          (transport as { terminateSession(): Promise<void> }).terminateSession().catch(() => {}),
          sleep(GOODBYE, undefined, { ref: false }),
        ]);
      await client.close();
    },
  };
}

/** A transport may wait for its server before any request has a timeout. */
async function withinTime(connecting: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new SdkError(SdkErrorCode.RequestTimeout, 'The connection was not opened in time.')),
      CONNECT_TIMEOUT + PROBE_TIMEOUT,
    );
  });
  try {
    await Promise.race([connecting, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Tools that the server only offers to who can answer its questions. A modern server is told so in the request; an
 * older one in `initialize`, so that takes a connection of its own.
 */
export async function listAskingTools(current: Connection, options: ConnectOptions): Promise<readonly JsonObject[]> {
  const page = { timeout: LIST_TIMEOUT, cacheMode: 'bypass' } as const;
  if (current.client.getProtocolEra() === 'modern') {
    const { tools } = await current.client.listTools({ _meta: { [CLIENT_CAPABILITIES_META_KEY]: ASKABLE } }, page);
    return tools as unknown as JsonObject[];
  }
  // A process of its own says at its start what the first one has said already.
  const connection = await open({ ...options, capabilities: ASKABLE, log: () => {} }, 'legacy');
  const end = (): void => void connection.close();
  options.signal.addEventListener('abort', end, { once: true });
  try {
    const { tools } = await connection.client.listTools(undefined, page);
    return tools as unknown as JsonObject[];
  } finally {
    options.signal.removeEventListener('abort', end);
    await connection.close();
  }
}

const ASKABLE: ClientCapabilities = { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} };

/** Everything the server lists. A list it does not offer is empty. */
export async function listAll({ client }: Connection): Promise<Listing> {
  const offered = client.getServerCapabilities() ?? {};
  const options = { timeout: LIST_TIMEOUT, cacheMode: 'bypass' } as const;
  const [tools, resources, templates, prompts] = await Promise.all([
    offered.tools ? client.listTools(undefined, options) : { tools: [] },
    offered.resources ? client.listResources(undefined, options) : { resources: [] },
    offered.resources
      ? client.listResourceTemplates(undefined, options).catch(() => ({ resourceTemplates: [] }))
      : { resourceTemplates: [] },
    offered.prompts ? client.listPrompts(undefined, options) : { prompts: [] },
  ]);
  return {
    tools: tools.tools as unknown as JsonObject[],
    resources: resources.resources as unknown as JsonObject[],
    templates: templates.resourceTemplates as unknown as JsonObject[],
    prompts: prompts.prompts as unknown as JsonObject[],
    servesResources: offered.resources !== undefined,
    servesTasks: servesTasks(client),
  };
}

/** Lines in ten seconds that are worth logging, of one kind and connection; the rest is counted. */
const MAX_LINES = 100;
const WINDOW = 10_000;

/** Logs what a server makes us say, but not as often as it likes. */
function bounded(server: string, message: string, field: string, log: UpstreamLog): (text: string) => void {
  let lines = 0;
  let since = 0;
  return (text) => {
    const now = performance.now();
    if (now - since > WINDOW) {
      if (lines > MAX_LINES) log('info', `${message}, lines left out`, { server, lines: lines - MAX_LINES });
      since = now;
      lines = 0;
    }
    if (++lines <= MAX_LINES) log('info', message, { server, [field]: text });
  };
}
