import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { JsonObject } from '@aip/wire';
import { createFixtureLog, type FixtureLog } from './fixture-log.testing.ts';
import { createFixtureServers } from './fixture-servers.testing.ts';
import { AGENTS, messageHead, tellStory } from './fixture-story.testing.ts';

/** A platform just big enough for the dashboard: its pages, its operations, and a log that is signed and hashed for real. */
export interface Fixture {
  readonly url: string;
  /** Works once. */
  readonly loginUrl: string;
  readonly log: FixtureLog;
  /** Breaks every connection. */
  disconnect(): void;
  /** Ends all sessions, as a restart does. */
  restart(): void;
  close(): Promise<void>;
}

const DIST = path.join(import.meta.dirname, '..', 'dist');
const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
};
/** As the platform sends it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface FixtureOptions {
  readonly empty?: boolean;
  readonly brokenPolicies?: boolean;
  readonly operations?: readonly string[];
  readonly hidden?: readonly string[];
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const BROKEN_POLICIES = {
  code: 'POLICY_INVALID',
  message: 'The policies have errors. starter.cedar:12:8: unexpected token `when`: expected `;`',
  retryable: false,
};

/** What everybody may look at here. */
const LOOKING_ON =
  'agents.list asks.list audit.entries audit.head audit.proof budgets.list kills.list kills.proof mcp.inspect mcp.list mcp.pins policies.list sources.list tasks.get'.split(
    ' ',
  );

/** What an administrator may do here. */
const EVERYTHING =
  'agents.admit tasks.cancel asks.answer kills.kill kills.pause kills.release mcp.pin mcp.reject mcp.login mcp.restart'.split(
    ' ',
  );

/**
 * @param brokenPolicies what is in the policy folder is not in force
 * @param empty nothing has happened yet: no agents, no messages, no servers
 * @param operations what whoever logs in may do, beside looking on
 * @param hidden what of looking on whoever logs in may not
 */
export async function startFixture({
  empty = false,
  brokenPolicies = false,
  operations = EVERYTHING,
  hidden = [],
}: FixtureOptions = {}): Promise<Fixture> {
  const permitted = new Set([...LOOKING_ON.filter((name) => !hidden.includes(name)), ...operations]);
  const log = createFixtureLog();
  const state = empty ? { agents: [], pending: [], asks: [], budgets: [] } : tellStory(log);
  const stops = new Map<string, JsonObject & { scope: string; seq: number; received: number; mode: string }>();
  const codes = new Set(['once']);
  let session = 'first';
  const mcp = createFixtureServers(log, empty);

  function answer({ ask, verdict }: JsonObject): JsonObject {
    const index = state.asks.findIndex((waiting) => waiting['id'] === ask);
    const [found] = index < 0 ? [] : state.asks.splice(index, 1);
    if (!found) throw new Refusal(404, 'NOT_FOUND', 'There is no such ask.');
    const id = found['id'] as string;
    const task = found['task'] as string;
    log.append('answer', { ask: id, verdict: verdict as string, by: 'user:admin' });
    if (verdict === 'approve') {
      log.append('accept', { ...messageHead('researcher', 'tool:files/write_file', 'mcp'), approval: id }, task);
      log.append('settle', { type: 'done', state: 'completed', effect: 'applied' }, task);
    } else log.append('settle', { type: 'failed', state: 'rejected', effect: 'none', code: 'APPROVAL_DENIED' }, task);
    return { ask: id, verdict: verdict as string };
  }

  function stop(mode: string, { scope, reason = 'no reason given' }: JsonObject): JsonObject {
    const name = scope as string;
    const received = Date.now() - 2;
    const seq = log.append('kill', { scope: name, mode, reason, by: 'user:admin', received_at: received });
    stops.set(name, { scope: name, mode, reason, by: 'user:admin', at: new Date().toISOString(), seq, received });
    for (let n = 0; n < 3; n++)
      log.append('deny', {
        ...messageHead('researcher', 'skill:writer/draft', 'ioap'),
        guard: 'gate',
        code: 'KILLED',
        reason: `${name} is stopped. An operator can release it.`,
      });
    return { scope: name, mode, received_at: new Date(received).toISOString(), sessions_closed: 2, tasks_stopped: 1 };
  }

  function release({ scope }: JsonObject): JsonObject {
    stops.delete(scope as string);
    log.append('release', { scope: scope as string, reason: 'no reason given', by: 'user:admin' });
    return { scope: scope as string };
  }

  function proof(scope: string): JsonObject {
    const kill = stops.get(scope);
    if (!kill) throw new Refusal(404, 'NOT_FOUND', `Nothing is stopped under "${scope}".`);
    const under = (head: JsonObject): boolean => Array.isArray(head['scopes']) && head['scopes'].includes(scope);
    const last = log.entries.findLast(({ kind, seq, head }) => kind === 'accept' && seq < kill.seq && under(head));
    const refused = log.entries.filter(({ kind, seq, head }) => kind === 'deny' && seq > kill.seq && under(head));
    return {
      scope,
      mode: kill.mode,
      kill: { seq: kill.seq, at: log.entries[kill.seq]?.at ?? 0, received_at: kill.received },
      last_accept: last ? { seq: last.seq, at: last.at, after_ms: last.at - kill.received } : null,
      accepted_since: 0,
      refused_since: refused.length,
    };
  }

  function admit({ agent, name }: JsonObject): JsonObject {
    state.pending = [];
    state.agents.push({
      ...AGENTS.writer,
      did: agent as string,
      name: name as string,
      state: 'offline',
      capabilities: [],
    });
    log.append('agent.admit', { did: agent as string, name: name as string, by: 'user:admin' });
    return { did: agent as string, name: name as string };
  }

  function operate(name: string, input: JsonObject): object {
    if (name !== 'platform/whoami' && !permitted.has(name.replace('/', '.')))
      throw new Refusal(403, 'PERMISSION_DENIED', 'No policy permits this.');
    switch (name) {
      case 'platform/whoami':
        return { id: 'user:admin', name: 'admin', roles: ['admin'], operations: [...permitted] };
      case 'policies/list':
        return { files: [], policies: [{ id: 'starter' }], ...(brokenPolicies ? { error: BROKEN_POLICIES } : {}) };
      case 'mcp/list':
        return { servers: mcp.servers(), endpoints: mcp.endpoints(), search_tokens: 420 };
      case 'sources/list':
        return { sources: mcp.sources() };
      case 'mcp/inspect': {
        const found = mcp.inspect(input['server'] as string);
        if (!found) throw new Refusal(404, 'NOT_FOUND', 'There is no such MCP server.');
        return found;
      }
      case 'mcp/pins':
        return { tools: mcp.pins(input['server'], input['state']) };
      case 'mcp/pin':
      case 'mcp/reject':
        return mcp.decide(name.slice(4), input['tool'] as string);
      case 'mcp/restart':
        log.append('mcp.restart', { name: input['name'] as string, by: 'user:admin' });
        return { name: input['name'] as string };
      case 'mcp/login':
        return { url: `${url}/ui#/servers` };
      case 'agents/list':
        return { agents: input['state'] === 'pending' ? state.pending : state.agents };
      case 'agents/admit':
        return admit(input);
      case 'asks/list':
        return { asks: state.asks };
      case 'asks/answer':
        return answer(input);
      case 'kills/list':
        return { kills: [...stops.values()] };
      case 'kills/kill':
      case 'kills/pause':
        return stop(name.slice(6), input);
      case 'kills/release':
        return release(input);
      case 'kills/proof':
        return proof(input['scope'] as string);
      case 'budgets/list':
        return { budgets: state.budgets };
      case 'tasks/get':
        return log.task(input['task'] as string);
      case 'audit/head':
        return log.head();
      case 'audit/entries':
        return { entries: log.page(Number(input['from']), Number(input['limit'])) };
      case 'audit/proof':
        return log.proof(Number(input['seq']));
      default:
        throw new Refusal(404, 'NOT_FOUND', `There is no operation ${name}.`);
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fixture');
    if (url.pathname === '/ui' || url.pathname.startsWith('/ui/')) return serveFile(url.pathname.slice(4), response);
    const [, operation] = /^\/v1\/(.+)$/.exec(url.pathname) ?? [];
    if (operation === undefined) throw new Refusal(404, 'NOT_FOUND', 'There is nothing here.');
    const body =
      request.method === 'POST'
        ? ((await json(request)) as JsonObject)
        : (Object.fromEntries(url.searchParams) as JsonObject);
    if (request.method === 'POST' && request.headers['x-aip'] !== '1')
      throw new Refusal(403, 'FORBIDDEN_ORIGIN', 'Not from the dashboard.');
    if (operation === 'login') {
      if (!codes.delete(body['code'] as string))
        throw new Refusal(401, 'UNAUTHENTICATED', 'This login code has been used or has expired.');
      response.writeHead(204, { 'set-cookie': `session=${session}; Path=/; HttpOnly; SameSite=Strict` }).end();
      return;
    }
    if (!request.headers.cookie?.includes(`session=${session}`))
      throw new Refusal(401, 'UNAUTHENTICATED', 'Log in first.');
    if (operation === 'logout') {
      session = crypto.randomUUID();
      response.writeHead(204, { 'set-cookie': 'session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0' }).end();
      return;
    }
    if (operation === 'events')
      return log.stream(
        Number(request.headers['last-event-id'] ?? Number(body['from'] ?? log.entries.length) - 1),
        response,
      );
    if (operation === 'invoke') return mcp.invoke(body, response);
    const output = operate(operation, body);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(output));
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      const { status, code, message } =
        error instanceof Refusal ? error : new Refusal(500, 'INTERNAL_ERROR', String(error));
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: { code, message, retryable: false } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    loginUrl: `${url}/ui#login=once`,
    log,
    disconnect: () => server.closeAllConnections(),
    restart() {
      session = crypto.randomUUID();
      server.closeAllConnections();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serveFile(name: string, response: ServerResponse): Promise<void> {
  const file = path.extname(name) === '' ? 'index.html' : name;
  const content = await readFile(path.join(DIST, file)).catch(() => {
    throw new Refusal(404, 'NOT_FOUND', `There is no ${file}.`);
  });
  response
    .writeHead(200, {
      'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
    })
    .end(content);
}

async function json(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}
