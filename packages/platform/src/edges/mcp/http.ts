import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { AipError, isJsonObject, toAipError, type Json, type JsonObject } from '@aip/wire';
import { classifyInboundRequest, ProtocolError } from '@modelcontextprotocol/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { credentialOf, oneShot, type Exchange } from '../../exchange/index.ts';
import type { Principal } from '../../kernel/principal.ts';
import { whenClosed } from '../../kernel/when-closed.ts';
import { admitCallers } from './admission.ts';
import { arrivals } from './arrivals.ts';
import { onSettledChange } from './changes.ts';
import { EVERYTHING, type Scope } from './directory.ts';
import { createEdge, type Client, type Edge, type EdgeOptions } from './edge.ts';
import { plainCallOf, servePlainCall } from './fast-call.ts';
import { isParked } from './follow.ts';
import { createListeners, LISTEN, listenRequestOf, type ListenRequest } from './listening.ts';
import { messageStream } from './message-stream.ts';
import { actionOf } from './methods.ts';
import { createModernHandler } from './modern.ts';
import { declaredHeaders, headerMismatch } from './param-headers.ts';
import { headersAgree, plainRequestOf } from './plain-request.ts';
import { answerJson, insufficientScope, refusal, refuse, refuseRaw } from './refusals.ts';
import { BODY_LIMIT, messagesIn, parseBody, requireBatching } from './request-body.ts';
import { errorResponse, statusOfError } from './results.ts';
import { createLegacySessions, SESSION_LIMITS, type HttpExchange, type SessionLimits } from './sessions.ts';
import type { WatchedCall } from './tool-call.ts';
import { requireReader } from './unread.ts';
import { virtualScope } from './virtual.ts';

export interface McpEdgeOptions extends EdgeOptions {
  /** Names of configured upstream servers: their endpoints exist even while they are down. */
  readonly isServer?: (name: string) => boolean;
  readonly sessions?: Partial<SessionLimits>;
  /** Told what the SDK could not serve; for the log. */
  readonly onError?: (error: Error) => void;
  /** false serves everything through the SDK: for the test that compares the two. */
  readonly fastCalls?: boolean;
}

/** The revision of a request that names none (2025-11-25, basic/transports). */
const UNSAID = '2025-03-26';

/** Mounts `/mcp`, `/mcp/{server or agent}` and `/mcp/v/{virtual server}`. Host and Origin have been checked by the hook that `main` installs. */
export function registerMcpEdge(app: FastifyInstance, exchange: Exchange, options: McpEdgeOptions = {}): void {
  const edge = createEdge(exchange, options);
  const modern = createModernHandler(edge, options.onError ?? (() => {}));
  const listeners = createListeners(edge);
  const sessions = createLegacySessions(edge, { ...SESSION_LIMITS, ...options.sessions });
  const unfollow = onSettledChange(edge.directory, (owner, lists) => {
    listeners.announce(owner, lists);
    sessions.announce(owner, lists);
  });

  async function serve(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const principal = exchange.authenticate(credentialOf(request.raw));
    const { name, virtual } = request.params as { name?: string; virtual?: string };
    const scope =
      virtual === undefined ? scopeOf(exchange, name, options.isServer) : virtualScope(edge.virtual, virtual);
    const body = request.method === 'POST' ? parseBody(request) : undefined;
    for (const message of messagesIn(body)) admit(principal, message);
    const client = (): Client => ({ session: oneShot({ principal, edge: 'mcp' }, exchange.clock.now()), scope });

    const expected = arrivals(edge, scope, body);
    if (expected) await expected;
    const mismatch = mismatchedHeaders(edge, scope, request.headers, body);
    if (mismatch) return reply.code(400).send(mismatch);
    const plain = options.fastCalls === false || body === undefined ? undefined : plainCallOf(request.headers, body);
    if (plain) {
      const answer = await servePlainCall(edge, client(), plain, (call) => watchCall(call, principal, reply.raw));
      requireReader(reply.raw);
      return reply.code(answer.status).header('content-type', 'application/json').send(JSON.stringify(answer.body));
    }
    // What hooks have set goes with the SDK's answer as well.
    reply.raw.setHeaders(new Map(Object.entries(reply.getHeaders()).map(([key, value]) => [key, String(value)])));
    reply.hijack();
    const http: HttpExchange = { request: request.raw, response: reply.raw, body };
    await route(principal, client(), http).catch((error: unknown) => refuseRaw(http, toAipError(error)));
    return reply;
  }

  /** What crosses the exchange takes its place in the rate there. */
  function admit(principal: Principal, message: JsonObject): void {
    const action = actionOf(message);
    if (action === undefined) return exchange.count(principal);
    const missing = edge.missingScopes(principal, action);
    // The exchange would refuse it too; said here, a client learns it in the way that OAuth has (RFC 6750 section 3.1).
    if (missing.length > 0) throw insufficientScope(principal, missing);
  }

  async function route(principal: Principal, client: Client, http: HttpExchange): Promise<void> {
    if (eraOf(http) === 'modern') {
      const agrees = headersAgree(http.request.headers, LISTEN);
      const listening = agrees ? listenRequestOf(http.body) : undefined;
      if (listening) return listen(client, listening, http.response);
      if (agrees && plainRequestOf(http.body, LISTEN))
        throw new AipError('INVALID_ARGUMENT', '"notifications" is not a filter that can be served here.');
      return modern.serve(client, http);
    }
    const id = http.request.headers['mcp-session-id'];
    if (typeof id === 'string') return sessions.serve(id, principal, client.scope, http);
    requireBatching(http.body, http.request.headers['mcp-protocol-version'] ?? UNSAID);
    if (isInitialize(http.body)) return sessions.open(principal, client.scope, http);
    return modern.serve(client, http);
  }

  /** A subscription is a connection: a kill has to reach it. */
  async function listen(client: Client, request: ListenRequest, response: ServerResponse): Promise<void> {
    const { principal } = client.session;
    const session = exchange.sessions.attach({ principal, edge: 'mcp', close: () => response.destroy() });
    const listening = listeners.open({ ...client, session }, request, messageStream(response));
    whenClosed(response, () => {
      exchange.sessions.detach(session);
      void listening.then((listener) => listener?.end(false)).catch(() => {});
    });
    await listening.catch((error: unknown) => {
      if (!(error instanceof ProtocolError)) throw error;
      answerJson(response, statusOfError(error), errorResponse(request.id, error));
    });
  }

  void app.register((endpoint, _, done) => {
    admitCallers(endpoint, exchange);
    endpoint.removeAllContentTypeParsers();
    endpoint.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_request, body, parsed) =>
      parsed(null, body),
    );
    endpoint.setErrorHandler((error, request, reply) => refuse(error, request, reply));
    for (const url of ['/mcp', '/mcp/:name', '/mcp/v/:virtual'])
      endpoint.route({ method: ['GET', 'POST', 'DELETE'], url, exposeHeadRoute: false, handler: serve });
    done();
  });
  app.addHook('preClose', async () => {
    unfollow();
    edge.directory.close();
    listeners.close();
    await Promise.all([modern.close(), sessions.close()]);
  });
}

/** Throws NOT_FOUND for a name that is neither a server nor an agent. */
function scopeOf(exchange: Exchange, name: string | undefined, isServer: McpEdgeOptions['isServer']): Scope {
  if (name === undefined) return EVERYTHING;
  const { catalogue } = exchange;
  if (isServer?.(name) === true || catalogue.list({ owner: name }).some((entry) => entry.kind === 'tool'))
    return { kind: 'server', owner: name };
  try {
    return { kind: 'agent', owner: catalogue.resolve(`agent:${name}`).owner };
  } catch {
    throw new AipError('NOT_FOUND', `There is no MCP server or agent "${name.slice(0, 120)}" here.`);
  }
}

function eraOf({ request, body }: HttpExchange): 'modern' | 'legacy' {
  const { headers } = request;
  const outcome = classifyInboundRequest({
    httpMethod: request.method ?? 'GET',
    body,
    ...header('protocolVersionHeader', headers['mcp-protocol-version']),
    ...header('mcpMethodHeader', headers['mcp-method']),
    ...header('mcpNameHeader', headers['mcp-name']),
  });
  // What is wrong in a modern way is answered in the modern way, by the SDK.
  return outcome.kind === 'legacy' ? 'legacy' : 'modern';
}

const header = <Name extends string>(name: Name, value: string | string[] | undefined): { [K in Name]?: string } =>
  (typeof value === 'string' ? { [name]: value } : {}) as { [K in Name]?: string };

const isInitialize = (body: unknown): boolean => isJsonObject(body) && body['method'] === 'initialize';

/** Headers that repeat arguments (2026-07-28, custom headers): the SDK leaves them to who knows the tool's schema. */
function mismatchedHeaders(
  edge: Edge,
  scope: Scope,
  headers: IncomingHttpHeaders,
  body: Json | undefined,
): JsonObject | undefined {
  if (headers['mcp-method'] !== 'tools/call' || !isJsonObject(body) || !isJsonObject(body['params'])) return undefined;
  const { name, arguments: args } = body['params'];
  const entry = typeof name === 'string' ? edge.directory.tool(scope, name) : undefined;
  const mismatch = headerMismatch(declaredHeaders(entry?.inputSchema), args, headers);
  return mismatch === undefined
    ? undefined
    : refusal(new AipError('HEADER_MISMATCH', `Bad Request: ${mismatch}.`), body['id']);
}

/** In 2026-07-28 a client cancels by closing the connection it waits on. Otherwise it has the result in the end. */
function watchCall(call: WatchedCall, caller: Principal, response: ServerResponse): void {
  const parked = isParked(call);
  response.once('finish', () => call.delivered(caller));
  whenClosed(response, () => {
    if (!response.writableFinished && !parked) call.cancel('disconnect');
  });
}
