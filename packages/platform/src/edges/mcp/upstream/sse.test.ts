import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { CallToolRequestSchema, ElicitResultSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../../kernel/testing.ts';
import { connectV2, createTestGateway, ERAS, type TestGateway } from '../testing.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

/** A server of 2024-11-05, by the official v1 SDK: a stream at /sse, messages to /messages. */
async function startSseServer() {
  const sessions = new Map<string, { transport: SSEServerTransport; server: Server }>();
  const calls: string[] = [];

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://server');
    if (request.method === 'GET' && url.pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', response);
      const server = makeServer(calls);
      sessions.set(transport.sessionId, { transport, server });
      response.once('close', () => sessions.delete(transport.sessionId));
      return server.connect(transport);
    }
    const session = sessions.get(url.searchParams.get('sessionId') ?? '');
    if (request.method === 'POST' && url.pathname === '/messages' && session)
      return session.transport.handlePostMessage(request, response);
    response.writeHead(404).end();
  }

  const http = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/sse`,
    sessions,
    calls,
    /** Ends every stream, as a restart would. */
    drop: () => http.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  open.push(server);
  return server;
}

function makeServer(calls: string[]): Server {
  const server = new Server({ name: 'old', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  const tool = (name: string) => ({ name, inputSchema: { type: 'object' as const } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [tool('echo'), tool('ask'), tool('hang')] }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    calls.push(params.name);
    if (params.name === 'hang') return new Promise(() => {});
    if (params.name === 'echo') return { content: [{ type: 'text', text: JSON.stringify(params.arguments) }] };
    const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } };
    const answer = await server.request(
      { method: 'elicitation/create', params: { message: 'Your name?', requestedSchema } },
      ElicitResultSchema,
    );
    return { content: [{ type: 'text', text: `Hello ${String(answer.content?.['name'])}` }] };
  });
  return server;
}

async function gatewayTo(url: string): Promise<TestGateway> {
  const gateway = await createTestGateway({ servers: { old: { url } } });
  open.push(gateway);
  return gateway;
}

describe(`a server of 2024-11-05 over HTTP+SSE ${claim('P-MCP-GW.sse')}`, () => {
  it.each(ERAS)('is found out, listed and called by a client that is %s', async (era) => {
    const server = await startSseServer();
    const gateway = await gatewayTo(server.url);
    expect(gateway.upstreams.status()).toMatchObject([{ state: 'active', era: 'legacy', tools: 3 }]);
    const client = await connectV2(`${gateway.url}/mcp/old`, era, {
      capabilities: { elicitation: { form: {} } },
      prepare: (prepared) =>
        prepared.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } })),
    });
    expect(await client.callTool({ name: 'echo', arguments: { a: 1 } })).toMatchObject({
      content: [{ text: '{"a":1}' }],
    });
    expect(await client.callTool({ name: 'ask', arguments: {} })).toMatchObject({ content: [{ text: 'Hello Ada' }] });
    await client.close();
  });

  it('fails its calls when the stream ends, and is connected to anew', async () => {
    const server = await startSseServer();
    const gateway = await gatewayTo(server.url);
    const client = await connectV2(`${gateway.url}/mcp/old`, 'auto');
    const hanging = client.callTool({ name: 'hang', arguments: {} });
    await until(() => server.calls.includes('hang'));
    const dropped = performance.now();
    server.drop();
    expect(await hanging).toMatchObject({ isError: true, _meta: { 'aip/error': { code: 'UPSTREAM_FAILED' } } });
    expect(performance.now() - dropped).toBeLessThan(1_000);
    await until(() => gateway.upstreams.status()[0]!.state === 'active' && server.sessions.size > 0);
    expect(await client.callTool({ name: 'echo', arguments: {} })).toMatchObject({ content: [{ text: '{}' }] });
    await client.close();
  });

  it('leaves no session behind when the platform stops', async () => {
    const server = await startSseServer();
    const gateway = await gatewayTo(server.url);
    expect(server.sessions.size).toBeGreaterThan(0);
    await gateway.upstreams.stop();
    await until(() => server.sessions.size === 0);
  });
});
