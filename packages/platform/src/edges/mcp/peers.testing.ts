import { Client, LOG_LEVEL_META_KEY, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as V1ClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Server as V1Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport as V1Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolRequestSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListResourcesRequestSchema,
  ListRootsRequestSchema,
  ListToolsRequestSchema,
  LoggingMessageNotificationSchema,
  ReadResourceRequestSchema,
  ResourceUpdatedNotificationSchema,
  SubscribeRequestSchema,
  ToolListChangedNotificationSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { inputRequired, Server, type InputRequest } from '@modelcontextprotocol/server';
import { startSdkServer, type SdkServer } from './sdk-server.testing.ts';

/** A server of an official SDK that asks, reports, waits, logs and changes. */
export interface PeerServer extends SdkServer {
  /** Calls that are running now, and calls whose cancellation has come through. */
  readonly running: number;
  readonly cancelled: number;
  /** Subscriptions that have reached it. */
  readonly subscribed: number;
  /** Has one tool more, and says so. */
  grow(): void;
  /** Says that `note://1` has changed. */
  touch(): void;
}

export type ServerKind = 'v1' | 'v2 legacy' | 'v2 modern';
const SERVED_AS = { v1: 'v1', 'v2 legacy': 'legacy', 'v2 modern': 'modern' } as const;
export type ClientKind = 'v1' | 'v2 legacy' | 'v2 modern';

const FORM = {
  mode: 'form',
  message: 'Your name?',
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
} as const;
const PAGE = {
  mode: 'url',
  message: 'Please log in.',
  url: 'https://example.com/login',
  elicitationId: 'login-1',
} as const;
const PROMPT = { messages: [{ role: 'user', content: { type: 'text', text: '2 + 2?' } }], maxTokens: 10 } as const;
const NOTE = { uri: 'note://1', name: 'one' };

/** What each asking tool asks; in the newer era under these names. */
const QUESTIONS = {
  form: { method: 'elicitation/create', params: FORM },
  page: { method: 'elicitation/create', params: PAGE },
  model: { method: 'sampling/createMessage', params: PROMPT },
  roots: { method: 'roots/list', params: {} },
} as const;

const TOOLS = [...Object.keys(QUESTIONS), 'work', 'hang', 'log'];
const textResult = (value: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] });

/** What a tool does beside asking; the same for every SDK. */
interface Act {
  readonly signal: AbortSignal;
  readonly progressToken: string | number | undefined;
  notify(method: string, params: object): Promise<void>;
  log(text: string): Promise<void>;
}

interface State {
  extra: string[];
  running: number;
  cancelled: number;
  subscribed: number;
}

async function act(name: string, state: State, { signal, progressToken, notify, log }: Act) {
  if (name === 'hang') {
    state.running++;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    state.running--;
    state.cancelled++;
  }
  if (name === 'work' && progressToken !== undefined)
    for (const progress of [1, 2]) await notify('notifications/progress', { progressToken, progress, total: 2 });
  if (name === 'log') await log('something happened');
  return textResult('done');
}

const definitions = (state: State) =>
  [...TOOLS, ...state.extra].map((name) => ({ name, inputSchema: { type: 'object' as const } }));

export async function startPeerServer(kind: ServerKind): Promise<PeerServer> {
  const state: State = { extra: [], running: 0, cancelled: 0, subscribed: 0 };
  const make = (): V1Server | Server => (kind === 'v1' ? v1Server(state) : v2Server(state));
  const sdk = await startSdkServer(SERVED_AS[kind], make);
  return {
    ...sdk,
    get running() {
      return state.running;
    },
    get cancelled() {
      return state.cancelled;
    },
    get subscribed() {
      return state.subscribed;
    },
    grow() {
      state.extra.push(`grown${state.extra.length}`);
      sdk.notify.toolsChanged();
      for (const server of sdk.live) void server.sendToolListChanged().catch(() => {});
    },
    touch() {
      sdk.notify.resourceUpdated(NOTE.uri);
      for (const server of sdk.live) void server.sendResourceUpdated({ uri: NOTE.uri }).catch(() => {});
    },
    async restart() {
      await sdk.restart();
      state.subscribed = 0;
    },
  };
}

const CAPABILITIES = { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} };
const INFO = { name: 'peer', version: '1.0.0' };

function v2Server(state: State): Server {
  const server = new Server(INFO, { capabilities: CAPABILITIES });
  server.setRequestHandler('tools/list', () => ({ tools: definitions(state) }));
  server.setRequestHandler('tools/call', async ({ params: { name } }, ctx) => {
    const request = name in QUESTIONS ? QUESTIONS[name as keyof typeof QUESTIONS] : undefined;
    if (request) {
      const answer = ctx.mcpReq.inputResponses?.[name];
      return answer
        ? textResult(answer)
        : inputRequired({ inputRequests: { [name]: request as unknown as InputRequest } });
    }
    return act(name, state, {
      signal: ctx.mcpReq.signal,
      progressToken: ctx.mcpReq._meta?.progressToken,
      notify: (method, params) => ctx.mcpReq.notify({ method, params } as never),
      log: (text) => ctx.mcpReq.log('warning', text),
    });
  });
  server.setRequestHandler('resources/list', () => ({ resources: [NOTE] }));
  server.setRequestHandler('resources/read', ({ params: { uri } }) => ({ contents: [{ uri, text: 'note' }] }));
  server.setRequestHandler('resources/subscribe', () => {
    state.subscribed++;
    return {};
  });
  server.setRequestHandler('resources/unsubscribe', () => {
    state.subscribed--;
    return {};
  });
  return server;
}

function v1Server(state: State): V1Server {
  const server = new V1Server(INFO, { capabilities: CAPABILITIES });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: definitions(state) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, _meta } }, extra) => {
    if (name === 'form') return textResult(await server.elicitInput({ ...FORM }));
    if (name === 'page') return textResult(await server.elicitInput({ ...PAGE }));
    if (name === 'model') return textResult(await server.createMessage({ ...PROMPT, messages: [...PROMPT.messages] }));
    if (name === 'roots') return textResult(await server.listRoots());
    return act(name, state, {
      signal: extra.signal,
      progressToken: _meta?.progressToken,
      notify: (method, params) => extra.sendNotification({ method, params } as never),
      log: (data) => extra.sendNotification({ method: 'notifications/message', params: { level: 'warning', data } }),
    });
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: [NOTE] }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({ contents: [{ uri, text: 'note' }] }));
  server.setRequestHandler(SubscribeRequestSchema, () => {
    state.subscribed++;
    return {};
  });
  server.setRequestHandler(UnsubscribeRequestSchema, () => {
    state.subscribed--;
    return {};
  });
  return server;
}

/** A client of an official SDK that answers everything it can be asked, and remembers what it is told. */
export interface PeerClient extends AsyncDisposable {
  tools(): Promise<string[]>;
  /** The text of the result. */
  call(name: string, options?: { signal?: AbortSignal; onprogress?: (progress: number) => void }): Promise<string>;
  subscribe(uri: string): Promise<void>;
  readonly told: { toolChanges: number; updated: string[]; logged: unknown[] };
}

const ANSWERS = {
  form: { action: 'accept' as const, content: { name: 'Ada' } },
  page: { action: 'accept' as const },
  model: { role: 'assistant' as const, content: { type: 'text' as const, text: 'four' }, model: 'test' },
  roots: { roots: [{ uri: 'file:///home', name: 'home' }] },
};
const CLIENT_CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const elicited = (params: { mode?: string | undefined }) => (params.mode === 'url' ? ANSWERS.page : ANSWERS.form);
const textOf = (result: unknown): string => {
  const [first] = (result as { content: { text?: string }[] }).content;
  return first?.text ?? '';
};

export function connectPeerClient(kind: ClientKind, url: string): Promise<PeerClient> {
  return kind === 'v1' ? connectV1Peer(url) : connectV2Peer(url, kind === 'v2 modern' ? 'auto' : 'legacy');
}

const AUTH = { requestInit: { headers: { authorization: 'Bearer alice' } } };

async function connectV2Peer(url: string, mode: 'auto' | 'legacy'): Promise<PeerClient> {
  const told: PeerClient['told'] = { toolChanges: 0, updated: [], logged: [] };
  const client = new Client(INFO, {
    versionNegotiation: { mode },
    capabilities: CLIENT_CAPABILITIES,
    listChanged: { tools: { autoRefresh: false, onChanged: () => told.toolChanges++ } },
  });
  client.setRequestHandler('elicitation/create', ({ params }) => elicited(params));
  client.setRequestHandler('sampling/createMessage', () => ANSWERS.model);
  client.setRequestHandler('roots/list', () => ANSWERS.roots);
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void told.updated.push(params.uri));
  client.setNotificationHandler('notifications/message', ({ params }) => void told.logged.push(params.data));
  await client.connect(new StreamableHTTPClientTransport(new URL(url), AUTH));
  if (mode === 'legacy') await client.setLoggingLevel('info');
  return {
    told,
    tools: async () => (await client.listTools(undefined, { cacheMode: 'refresh' })).tools.map(({ name }) => name),
    async call(name, { signal, onprogress } = {}) {
      const _meta = mode === 'auto' ? { _meta: { [LOG_LEVEL_META_KEY]: 'info' } } : {};
      const result = await client.callTool(
        { name, arguments: {}, ..._meta },
        {
          ...(signal ? { signal } : {}),
          ...(onprogress ? { onprogress: ({ progress }) => onprogress(progress) } : {}),
        },
      );
      return textOf(result);
    },
    async subscribe(uri) {
      if (mode === 'auto') await client.listen({ resourceSubscriptions: [uri] });
      else await client.subscribeResource({ uri });
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function connectV1Peer(url: string): Promise<PeerClient> {
  const told: PeerClient['told'] = { toolChanges: 0, updated: [], logged: [] };
  const client = new V1Client(INFO, { capabilities: CLIENT_CAPABILITIES });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => elicited(params));
  client.setRequestHandler(CreateMessageRequestSchema, () => ANSWERS.model);
  client.setRequestHandler(ListRootsRequestSchema, () => ANSWERS.roots);
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void told.toolChanges++);
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void told.updated.push(params.uri));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void told.logged.push(params.data));
  await client.connect(new V1ClientTransport(new URL(url), AUTH) as V1Transport);
  await client.setLoggingLevel('info');
  return {
    told,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, { signal, onprogress } = {}) {
      const result = await client.callTool({ name, arguments: {} }, undefined, {
        ...(signal ? { signal } : {}),
        ...(onprogress ? { onprogress: ({ progress }) => onprogress(progress) } : {}),
      });
      return textOf(result);
    },
    subscribe: async (uri) => void (await client.subscribeResource({ uri })),
    [Symbol.asyncDispose]: () => client.close(),
  };
}
