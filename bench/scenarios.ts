import type { Shot } from './load.ts';

/** What is measured: the same work on every server that can do it. */
export interface Scenario {
  readonly name: string;
  /** `as` names the row when a server has several. */
  readonly servers: readonly { readonly server: string; readonly path: string; readonly as?: string }[];
  readonly shot: (path: string, token: string, n: number) => Shot;
  readonly check: (body: string) => boolean;
}

/** Message ids are unique over the whole run: a repeated one would be answered from the record. */
const run = Date.now().toString(36);

const rpc = (method: string, params: unknown, n: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id: n, method, params });

const a2a = (name: string, said: string, expected: RegExp): Scenario => ({
  name,
  servers: [
    { server: 'floor-http', path: '/' },
    { server: 'a2a-bare', path: '/' },
    { server: 'a2a-sdk', path: '/' },
    { server: 'aip', path: '/a2a/look' },
    { server: 'aip', path: '/a2a/echo', as: 'aip external' },
  ],
  shot: (path, token, n) => ({
    path,
    headers: { authorization: `Bearer ${token}`, 'a2a-version': '1.0' },
    body: rpc(
      'SendMessage',
      { message: { messageId: `${run}-${name}-${n}-${Math.random()}`, role: 'ROLE_USER', parts: [{ text: said }] } },
      n,
    ),
  }),
  check: (body) => expected.test(body),
});

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
};

const mcp: Scenario = {
  name: 'MCP tools/call',
  servers: [
    { server: 'floor-http', path: '/' },
    { server: 'mcp-sdk', path: '/mcp' },
    { server: 'aip', path: '/mcp/look' },
    { server: 'aip', path: '/mcp/echo', as: 'aip external' },
  ],
  shot: (path, token, n) => toolCall(path, token, n, 'echo'),
  check: (body) => body.includes('hello'),
};

function toolCall(path: string, token: string, n: number, name: string): Shot {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  };
  return { path, headers, body: rpc('tools/call', { name, arguments: { text: 'hello' }, _meta: META }, n) };
}

export const SCENARIOS: readonly Scenario[] = [
  a2a('A2A message', 'hello', /hello/),
  a2a('A2A task, three events', 'task', /TASK_STATE_COMPLETED|task/),
  mcp,
  {
    ...a2a('A2A to an IoAP agent', 'hello', /hello/),
    servers: [
      { server: 'floor-relay', path: '/' },
      { server: 'aip', path: '/a2a/far' },
    ],
  },
  {
    ...mcp,
    name: 'MCP to an MCP upstream',
    servers: [
      { server: 'mcp-relay', path: '/mcp' },
      { server: 'aip', path: '/mcp/far' },
    ],
  },
];
