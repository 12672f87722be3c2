import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { trusting } from '../../exchange/testing.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Guard } from '../../kernel/guard.ts';
import type { Credential, Principal } from '../../kernel/principal.ts';
import { createTestGateway, post, startHttpUpstream, type TestGateway, type TestGatewayOptions } from './testing.ts';

/** What may be seen and done of tasks: by whom else than their callers, where, and with which tokens. */

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

/** `alice` is a caller, `op` an operator; what follows a slash are the scopes of the token. */
function authenticate(credential: Credential): Principal {
  if (credential.kind !== 'bearer') return trusting(credential);
  const [name = '', scopes] = credential.token.split('/');
  const known = trusting({ kind: 'bearer', token: name });
  return {
    ...known,
    roles: name === 'op' ? ['operator'] : ['caller'],
    ...(scopes === undefined ? {} : { scopes: scopes.split(',') }),
  };
}

const missingScopes = ({ scopes }: Principal, action: string): string[] =>
  action === 'call' && scopes && !scopes.includes('tools') ? ['tools'] : [];

async function setup(options: Omit<TestGatewayOptions, 'servers'> = {}): Promise<TestGateway> {
  const upstreams = [await startHttpUpstream('modern'), await startHttpUpstream('modern')] as const;
  open.push(...upstreams);
  const gateway = await createTestGateway({
    ...options,
    servers: { payroll: { url: upstreams[0].url }, box: { url: upstreams[1].url } },
    edge: { missingScopes, ...options.edge },
    slots: { authenticate, ...options.slots },
  });
  open.push(gateway);
  return gateway;
}

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

async function send(
  url: string,
  method: string,
  params: JsonObject,
  token = 'alice',
  capabilities: JsonObject = TASKS,
): Promise<JsonObject> {
  const { body } = await post(url, method, params, { capabilities, headers: { authorization: `Bearer ${token}` } });
  return (body['result'] ?? body) as JsonObject;
}

const begin = async (url: string, name: string, args: JsonObject = {}): Promise<{ taskId: string }> => {
  const { taskId } = await send(url, 'tools/call', { name, arguments: args });
  return { taskId: taskId as string };
};

/** Sends requests in a session of 2025-11-25, with that token. */
async function legacy(
  url: string,
  token: string,
): Promise<(method: string, params?: JsonObject) => Promise<JsonObject>> {
  let session: string | null = null;
  async function ask(method: string, params: JsonObject): Promise<JsonObject> {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        ...(session === null ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    session ??= response.headers.get('mcp-session-id');
    const text = await response.text();
    const message = JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text) as JsonObject;
    return (message['result'] ?? message) as JsonObject;
  }
  const clientInfo = { name: 'test', version: '1' };
  await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
  return (method, params = {}) => ask(method, params);
}

describe(`cancelling a task ${claim('P-MCP.tasks')}`, () => {
  const forbidding: Guard = {
    name: 'policy',
    admit: ({ target }) =>
      target.name === 'tasks.cancel'
        ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'Policy "no-cancel" forbids it.') }
        : PASS,
  };

  it('is an operation: what policy forbids is not done, in either era', async () => {
    const { url, exchange } = await setup({ slots: { policy: forbidding } });
    const task = await begin(`${url}/mcp`, 'payroll_hang');
    const old = await legacy(`${url}/mcp`, 'op');
    const refused = { error: { data: { code: 'PERMISSION_DENIED' } } };
    expect(await send(`${url}/mcp`, 'tasks/cancel', task, 'op')).toMatchObject(refused);
    expect(await send(`${url}/mcp`, 'tasks/cancel', task)).toMatchObject(refused);
    expect(await old('tasks/cancel', task)).toMatchObject(refused);
    expect(await send(`${url}/mcp`, 'tasks/get', task)).toMatchObject({ status: 'working' });
    exchange.cancel(task.taskId, 'caller');
  });

  it('by an operator is on record as theirs, and cancelling what has ended changes nothing', async () => {
    const { url, exchange } = await setup();
    const first = await begin(`${url}/mcp`, 'payroll_hang');
    const second = await begin(`${url}/mcp`, 'payroll_hang');
    const old = await legacy(`${url}/mcp`, 'op');
    expect(await send(`${url}/mcp`, 'tasks/cancel', first, 'op')).toMatchObject({ resultType: 'complete' });
    expect(await old('tasks/cancel', second)).toMatchObject({ taskId: second.taskId, status: 'cancelled' });
    for (const { taskId } of [first, second])
      expect(await exchange.call('default', taskId)?.ended).toMatchObject({ type: 'canceled', reason: 'operator' });
    const listed = await send(
      `${url}/mcp`,
      'tools/call',
      { name: 'aip_tasks_list', arguments: { from: 'service:op' } },
      'op',
    );
    expect((listed['structuredContent'] as { tasks: JsonObject[] }).tasks).toMatchObject([
      { to: 'operation:tasks.cancel', state: 'completed' },
      { to: 'operation:tasks.cancel', state: 'completed' },
    ]);
    expect(await send(`${url}/mcp`, 'tasks/cancel', first)).toMatchObject({ resultType: 'complete' });
    expect(await old('tasks/cancel', first)).toMatchObject({ error: { code: -32602 } });
  });
});

describe(`the result of a call that waited for an approval ${claim('P-MCP.parked')}`, () => {
  const asking: Guard = {
    name: 'approve',
    admit: ({ target, approval }) =>
      target.address === 'tool:payroll/add' && !approval
        ? { verdict: 'ask', kind: 'approval', body: { summary: 'add' }, expires: Date.now() + 60_000 }
        : PASS,
  };

  it('stays its caller’s when an operator has looked at it', async () => {
    const { url, exchange } = await setup({ slots: { approve: asking } });
    const sum = { name: 'payroll_add', arguments: { a: 1, b: 2 } };
    const task = await begin(`${url}/mcp`, sum.name, sum.arguments);
    const { askId = '' } = exchange.live.get(task.taskId)!;
    await exchange.resume(task.taskId, { approval: { askId, by: 'service:op' } });
    await exchange.call('default', task.taskId)!.ended;

    expect(await send(`${url}/mcp`, 'tasks/get', task, 'op')).toMatchObject({ status: 'completed' });
    const old = await legacy(`${url}/mcp`, 'op');
    expect(await old('tasks/result', task)).toMatchObject({ structuredContent: { sum: 3 } });
    const told = await hear(`${url}/mcp`, task.taskId, 'op');
    expect(told).toContain('"completed"');

    // Not another task, and not another ask.
    expect(await send(`${url}/mcp`, 'tools/call', sum)).toMatchObject({ structuredContent: { sum: 3 } });
    expect(await send(`${url}/mcp`, 'tools/call', sum)).toMatchObject({ resultType: 'task', status: 'working' });
  });

  it('waits for a caller who had gone when it came, and is theirs once', async () => {
    const { url, exchange } = await setup({ slots: { approve: asking } });
    const sum = { name: 'payroll_add', arguments: { a: 1, b: 2 } };
    const gone = post(`${url}/mcp`, 'tools/call', sum, { signal: AbortSignal.timeout(300) });
    await expect(gone).rejects.toThrow();
    const [task] = exchange.live.values();
    await exchange.resume(task!.id, { approval: { askId: task!.askId!, by: 'service:op' } });
    await task!.stream.ended;
    expect(await send(`${url}/mcp`, 'tools/call', sum, 'alice', {})).toMatchObject({ structuredContent: { sum: 3 } });
    expect(await send(`${url}/mcp`, 'tools/call', sum)).toMatchObject({ resultType: 'task', status: 'working' });
  });

  /** What a listener to this task is told first. */
  async function hear(url: string, taskId: string, token: string): Promise<string> {
    const leaving = new AbortController();
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': TASKS,
    };
    const params = { notifications: { taskIds: [taskId] }, _meta };
    const response = await fetch(url, {
      method: 'POST',
      signal: leaving.signal,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'subscriptions/listen',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'subscriptions/listen', params }),
    });
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('notifications/tasks')) break;
    }
    leaving.abort();
    return text;
  }
});

describe(`a token for a part of the platform ${claim('I-AUTH.audience')}`, () => {
  const virtual = {
    desk: {
      tools: { sum: { target: 'tool:payroll/add' }, three: { target: 'tool:box/add', arguments: { b: 3 } } },
      resources: [],
      prompts: [],
    },
  } as const;

  it('shows the tasks of that part alone, and cancels no others', async () => {
    const { url, exchange } = await setup();
    const task = await begin(`${url}/mcp/payroll`, 'hang');
    const unknown = { error: { code: -32602, message: expect.stringContaining('no task') } };
    const old = await legacy(`${url}/mcp/box`, 'alice');
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      expect(await send(`${url}/mcp/box`, method, task)).toMatchObject(unknown);
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
      expect(await old(method, task)).toMatchObject(unknown);
    expect(await old('tasks/list')).toMatchObject({ tasks: [] });
    const here = await legacy(`${url}/mcp/payroll`, 'alice');
    expect(await here('tasks/list')).toMatchObject({ tasks: [task] });
    for (const endpoint of ['/mcp', '/mcp/payroll'])
      expect(await send(`${url}${endpoint}`, 'tasks/get', task)).toMatchObject({ status: 'working' });
    exchange.cancel(task.taskId, 'caller');
  });

  it('shows at an agent’s endpoint what that agent was asked', async () => {
    const gateway = await setup();
    for (const name of ['clerk', 'judge'])
      gateway.agent(name, 'work', async function* () {
        yield { type: 'done', body: { type: 'text', value: 'done' } };
      });
    const { url } = gateway;
    const old = await legacy(`${url}/mcp/clerk`, 'alice');
    await send(`${url}/mcp`, 'tools/call', { name: 'clerk_work', arguments: {} });
    const { tasks } = (await old('tasks/list')) as { tasks: { taskId: string }[] };
    expect(tasks).toHaveLength(1);
    const task = { taskId: tasks[0]!.taskId };
    expect(await old('tasks/result', task)).toMatchObject({ content: [{ text: 'done' }] });
    expect(await send(`${url}/mcp/judge`, 'tasks/get', task)).toMatchObject({ error: { code: -32602 } });
  });

  it('shows at a virtual server what could have been called there, fixed arguments included', async () => {
    const { url } = await setup({ edge: { virtual } });
    const old = await legacy(`${url}/mcp`, 'alice');
    const taskOf = async (name: string, args: JsonObject): Promise<{ taskId: string }> => {
      await send(`${url}/mcp`, 'tools/call', { name, arguments: args });
      const { tasks } = (await old('tasks/list')) as { tasks: { taskId: string }[] };
      return { taskId: tasks[0]!.taskId };
    };
    const sum = await taskOf('payroll_add', { a: 1, b: 2 });
    const three = await taskOf('box_add', { a: 1, b: 3 });
    const four = await taskOf('box_add', { a: 1, b: 4 });
    const work = await taskOf('box_work', {});
    const desk = await legacy(`${url}/mcp/v/desk`, 'alice');
    expect(await desk('tasks/list')).toMatchObject({ tasks: [three, sum] });
    expect(await desk('tasks/result', three)).toMatchObject({ structuredContent: { sum: 4 } });
    for (const task of [four, work])
      expect(await desk('tasks/result', task)).toMatchObject({ error: { code: -32602 } });
  });

  it('shows none of a call that it could not make for want of a scope', async () => {
    const { url } = await setup();
    const old = await legacy(`${url}/mcp/box`, 'alice/prompts');
    await send(`${url}/mcp/box`, 'tools/call', { name: 'add', arguments: { a: 1, b: 2 } });
    expect(await old('tasks/list')).toMatchObject({ tasks: [] });
    const whole = await legacy(`${url}/mcp/box`, 'alice/tools');
    const { tasks } = (await whole('tasks/list')) as { tasks: JsonObject[] };
    const task = { taskId: tasks[0]!['taskId'] as string };
    const lacking = { error: { data: { code: 'INSUFFICIENT_SCOPE', details: { scope: 'prompts tools' } } } };
    expect(await old('tasks/result', task)).toMatchObject(lacking);
    expect(await send(`${url}/mcp/box`, 'tasks/get', task, 'alice/prompts')).toMatchObject(lacking);
    expect(await whole('tasks/result', task)).toMatchObject({ structuredContent: { sum: 3 } });
  });

  it('answers no question that was asked elsewhere', async () => {
    const { url } = await setup();
    const asking = { elicitation: { form: {} } };
    const asked = await send(`${url}/mcp/box`, 'tools/call', { name: 'greet', arguments: {} }, 'alice', asking);
    const [ask] = Object.keys(asked['inputRequests'] as JsonObject);
    const answer = (name: string): JsonObject => ({
      name,
      arguments: {},
      requestState: asked['requestState']!,
      inputResponses: { [ask!]: { action: 'accept', content: { name: 'Ada' } } },
    });
    expect(await send(`${url}/mcp`, 'tools/call', answer('box_greet'), 'alice', asking)).toMatchObject({
      error: { code: -32602 },
    });
    expect(await send(`${url}/mcp/box`, 'tools/call', answer('greet'), 'alice', asking)).toMatchObject({
      content: [{ text: 'Hello Ada' }],
    });
  });
});
