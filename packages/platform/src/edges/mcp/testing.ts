import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@aip/wire';
import { Client, StreamableHTTPClientTransport, type ClientOptions } from '@modelcontextprotocol/client';
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as V1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as V1AnyTransport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { acceptedContent, inputRequired, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import { exchangeOperations } from '../../exchange/operations.ts';
import { createTestExchange, type TestExchangeOptions } from '../../exchange/testing.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { FetchFor } from '../../kernel/outbound.ts';
import type { Route } from '../../kernel/route.ts';
import { secretReader } from '../../kernel/secret.ts';
import { memoryVault } from '../../kernel/testing.ts';
import type { Vault } from '../../kernel/vault.ts';
import {
  createMcpUpstreams,
  registerLoginEndpoints,
  registerMcpEdge,
  type McpEdgeOptions,
  type McpUpstreams,
  type UpstreamConfig,
} from './index.ts';
import { startSdkServer, type SdkServer } from './sdk-server.testing.ts';

export interface TestGateway extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly app: FastifyInstance;
  readonly exchange: Exchange;
  readonly upstreams: McpUpstreams;
  /** Puts an agent with one skill, called in this process, into the catalogue. */
  agent(name: string, skill: string, deliver: Route['deliver'], more?: Partial<CatalogueEntry>): void;
}

export interface TestGatewayOptions extends TestExchangeOptions {
  readonly servers?: Readonly<Record<string, UpstreamConfig>>;
  readonly fetchFor?: FetchFor;
  readonly vault?: Vault;
  readonly baseUrl?: string;
  readonly log?: (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;
  readonly edge?: McpEdgeOptions;
}

/** The MCP edge over a real exchange, listening, with its upstreams connected. */
export async function createTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const made = await createTestExchange({
    ...options,
    operations: [...exchangeOperations(() => made.exchange), ...(options.operations ?? [])],
  });
  const { exchange } = made;
  const vault = options.vault ?? memoryVault();
  const upstreams = createMcpUpstreams(exchange, {
    servers: options.servers ?? {},
    fetchFor: options.fetchFor ?? (() => fetch),
    vault,
    readSecret: secretReader(vault, process.env),
    baseUrl: () => options.baseUrl ?? `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    log: options.log ?? (() => {}),
  });
  const app = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 1024 } });
  registerMcpEdge(app, exchange, {
    isServer: (name) => upstreams.has(name),
    watch: upstreams.watch,
    extensions: upstreams.extensions,
    ...options.edge,
  });
  registerLoginEndpoints(app, upstreams.logins, () => options.baseUrl ?? url);
  upstreams.start();
  await upstreams.settled(30_000);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    app,
    exchange,
    upstreams,
    agent(name, skill, deliver, more = {}) {
      const owner = `did:key:z6Mk${name}`;
      const common = {
        owner,
        ownerName: name,
        effect: 'external',
        idempotent: false,
        price: 0,
        state: 'active',
      } as const;
      exchange.catalogue.put(owner, [
        { ...common, address: `agent:${owner}`, kind: 'agent', name, description: name },
        {
          ...common,
          address: `skill:${owner}/${skill}`,
          kind: 'skill',
          name: skill,
          description: `${name} does ${skill}.`,
          ...more,
        },
      ]);
      exchange.routes.bind(owner, { reach: 'local', deliver });
    },
    async [Symbol.asyncDispose]() {
      await upstreams.stop();
      await app.close();
      await made[Symbol.asyncDispose]();
    },
  };
}

const bearer = (token: string) => ({ requestInit: { headers: { authorization: `Bearer ${token}` } } });

/** The official v2 client; `auto` finds the modern era, `legacy` keeps to 2025-11-25. */
export async function connectV2(
  url: string,
  mode: 'auto' | 'legacy',
  options: ClientOptions & { token?: string; prepare?: (client: Client) => void } = {},
): Promise<Client> {
  const { token = 'alice', prepare, ...rest } = options;
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode }, ...rest });
  prepare?.(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(url), bearer(token)));
  return client;
}

/** A request of 2026-07-28 as it goes over the wire. */
export async function post(
  url: string,
  method: string,
  params: JsonObject,
  more: { headers?: Record<string, string>; capabilities?: JsonObject; id?: number; signal?: AbortSignal } = {},
): Promise<{ status: number; body: JsonObject }> {
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': more.capabilities ?? {},
    ...(params['_meta'] as JsonObject | undefined),
  };
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    authorization: 'Bearer alice',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    ...more.headers,
  };
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: more.id ?? 1, method, params: { ...params, _meta } }),
    signal: more.signal ?? null,
  });
  return { status: response.status, body: (await response.json()) as JsonObject };
}

/** The official v1 client, which stops at 2025-11-25. */
export async function connectV1(
  url: string,
  capabilities: NonNullable<ConstructorParameters<typeof V1Client>[1]>['capabilities'] = {},
): Promise<V1Client> {
  const client = new V1Client({ name: 'test', version: '1.0.0' }, { capabilities });
  await client.connect(new V1Transport(new URL(url), bearer('alice')) as V1AnyTransport);
  return client;
}

/** Both eras of one client: what is said of the gateway has to hold in each. */
export const ERAS = ['auto', 'legacy'] as const;

export interface TestUpstream extends SdkServer {
  /** Names of the tools that were called, in order, with what they were sent. */
  readonly calls: { name: string; args: unknown; meta: unknown }[];
  /** Cancellations that have reached a running call. */
  readonly cancelled: string[];
  /** Headers of the requests that came in. */
  readonly headers: IncomingMessage['headers'][];
  /** Adds a tool and says that the list has changed. */
  grow(name: string): void;
}

/** An upstream built with the official SDK: stateless and modern, or with sessions as before 2026-07-28. */
export async function startHttpUpstream(era: 'modern' | 'legacy'): Promise<TestUpstream> {
  const calls: TestUpstream['calls'] = [];
  const cancelled: string[] = [];
  const headers: TestUpstream['headers'] = [];
  const extra: string[] = [];
  const sdk = await startSdkServer(era, () => fixture({ calls, cancelled, extra }), {
    admits(request) {
      headers.push(request.headers);
      return true;
    },
  });
  return {
    ...sdk,
    calls,
    cancelled,
    headers,
    grow(name) {
      extra.push(name);
      sdk.notify.toolsChanged();
      for (const { server } of sdk.live) void server.sendToolListChanged().catch(() => {});
    },
  };
}

interface FixtureState {
  readonly calls: TestUpstream['calls'];
  readonly cancelled: string[];
  readonly extra: readonly string[];
}

function fixture({ calls, cancelled, extra }: FixtureState): McpServer {
  const server = new McpServer(
    { name: 'fixture', version: '1.0.0' },
    { capabilities: { tools: { listChanged: true }, resources: {}, prompts: {}, completions: {}, logging: {} } },
  );
  const note = (name: string, args: unknown, meta: unknown): void => void calls.push({ name, args, meta });

  server.registerTool(
    'add',
    {
      description: 'Adds two numbers.',
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
      annotations: { readOnlyHint: true },
    },
    ({ a, b }, ctx) => {
      note('add', { a, b }, ctx.mcpReq._meta);
      return {
        content: [{ type: 'text', text: String(a + b) }],
        structuredContent: { sum: a + b },
        _meta: { 'example.com/unit': 'apples' },
      };
    },
  );
  server.registerTool('fail', { inputSchema: z.object({}) }, () => {
    note('fail', {}, undefined);
    return { content: [{ type: 'text', text: 'no such file' }], isError: true, _meta: { 'example.com/errno': 2 } };
  });
  server.registerTool('work', { inputSchema: z.object({}) }, async (_args, ctx) => {
    note('work', {}, undefined);
    const progressToken = ctx.mcpReq._meta?.progressToken;
    if (progressToken !== undefined) {
      for (const progress of [1, 2])
        await ctx.mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 2, message: `step ${progress}` },
        });
    }
    return { content: [{ type: 'text', text: 'worked' }] };
  });
  server.registerTool('hang', { inputSchema: z.object({}) }, (_args, ctx) => {
    note('hang', {}, undefined);
    return new Promise((_, reject) => {
      ctx.mcpReq.signal.addEventListener('abort', () => {
        cancelled.push('hang');
        reject(new Error('cancelled'));
      });
    });
  });
  server.registerTool('huge', { inputSchema: z.object({}) }, () => ({
    content: [{ type: 'text', text: 'x'.repeat(11 * 1024 * 1024) }],
  }));
  server.registerTool('link', { inputSchema: z.object({}) }, () => ({
    content: [
      { type: 'resource_link', uri: 'note://1', name: 'one' },
      { type: 'text', text: 'see there' },
    ],
  }));
  server.registerTool('greet', { inputSchema: z.object({}) }, async (_args, ctx) => {
    const question = {
      mode: 'form',
      message: 'Your name?',
      requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
    } as const;
    const legacy = ctx.mcpReq.envelope === undefined;
    if (legacy) {
      const answer = await ctx.mcpReq.elicitInput(question);
      return { content: [{ type: 'text', text: `Hello ${String(answer.content?.['name'])}` }] };
    }
    const content = acceptedContent<{ name: string }>(ctx.mcpReq.inputResponses, 'name');
    if (!content) return inputRequired({ inputRequests: { name: inputRequired.elicit(question) } });
    return { content: [{ type: 'text', text: `Hello ${content.name}` }] };
  });
  for (const name of extra)
    server.registerTool(name, { inputSchema: z.object({}) }, () => ({ content: [{ type: 'text', text: name }] }));

  server.registerResource('one', 'note://1', { mimeType: 'text/plain' }, () => ({
    contents: [{ uri: 'note://1', text: 'first' }],
  }));
  server.registerResource(
    'any',
    new ResourceTemplate('note://{id}', { list: undefined, complete: { id: () => ['1', '2'] } }),
    {},
    (uri, { id }) => ({ contents: [{ uri: uri.href, text: `note ${String(id)}` }] }),
  );
  server.registerPrompt('hello', { argsSchema: z.object({ who: z.string() }) }, ({ who }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Say hello to ${who}` } }],
  }));
  return server;
}
