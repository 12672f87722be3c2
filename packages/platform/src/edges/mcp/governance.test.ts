import { claim } from '@aip/conformance';
import { AipError, type JsonObject } from '@aip/wire';
import { afterEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../../exchange/index.ts';
import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Guard } from '../../kernel/guard.ts';
import {
  connectV1,
  connectV2,
  createTestGateway,
  ERAS,
  post,
  startHttpUpstream,
  type TestGateway,
  type TestUpstream,
} from './testing.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

async function setup(slots: {
  policy?: Guard;
  approve?: Guard;
}): Promise<{ upstream: TestUpstream; gateway: TestGateway }> {
  const upstream = await startHttpUpstream('modern');
  open.push(upstream);
  const gateway = await createTestGateway({ servers: { box: { url: upstream.url } }, slots });
  open.push(gateway);
  return { upstream, gateway };
}

const denies = (address: string): Guard => ({
  name: 'policy',
  admit: ({ target }) =>
    target.address === address
      ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'Policy "no-adding" forbids it.') }
      : PASS,
});

/** Asks an operator before `add` is called, once for each call. */
const asksBefore = (address: string): Guard => ({
  name: 'approve',
  admit: ({ target, approval }) =>
    target.address === address && !approval
      ? { verdict: 'ask', kind: 'approval', body: { summary: 'add' }, expires: Date.now() + 60_000 }
      : PASS,
});

/** The operator's answer to the one call that waits. */
async function approve(exchange: Exchange): Promise<void> {
  await expect.poll(() => [...exchange.live.values()].some((task) => task.parked)).toBe(true);
  const task = [...exchange.live.values()].find((live) => live.parked);
  await exchange.resume(task!.id, { approval: { askId: task!.askId!, by: 'user:operator' } });
}

describe(`a denied call ${claim('P-MCP.denial')}`, () => {
  it.each(ERAS)('is a result that says why, and does not reach the upstream (%s)', async (era) => {
    const { upstream, gateway } = await setup({ policy: denies('tool:box/add') });
    const client = await connectV2(`${gateway.url}/mcp`, era);
    await client.listTools();
    const result = await client.callTool({ name: 'box_add', arguments: { a: 1, b: 2 } });
    expect(result).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: 'PERMISSION_DENIED: Policy "no-adding" forbids it.' }],
      _meta: { 'aip/error': { code: 'PERMISSION_DENIED', retryable: false } },
    });
    expect(upstream.calls).toEqual([]);
    await client.close();
  });

  it('is readable for the v1 client although the tool promises structured output', async () => {
    const { gateway } = await setup({ policy: denies('tool:box/add') });
    const client = await connectV1(`${gateway.url}/mcp`);
    await client.listTools();
    expect(await client.callTool({ name: 'box_add', arguments: { a: 1, b: 2 } })).toMatchObject({ isError: true });
    await client.close();
  });

  it('is decided on the name in the body, whatever the header says', async () => {
    const { upstream, gateway } = await setup({ policy: denies('tool:box/add') });
    const url = `${gateway.url}/mcp`;
    const params = { name: 'box_add', arguments: { a: 1, b: 2 } };
    expect(await post(url, 'tools/call', params, { headers: { 'mcp-name': 'box_work' } })).toMatchObject({
      status: 400,
      body: { error: { code: -32020 } },
    });
    expect((await post(url, 'tools/call', params)).body).toMatchObject({ result: { isError: true } });
    expect(upstream.calls).toEqual([]);
  });

  it('of a resource or prompt is a JSON-RPC error with the code in its data', async () => {
    const { gateway } = await setup({ policy: denies('resource:box/note://1') });
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    await expect(client.readResource({ uri: 'mcp:box/note://1' })).rejects.toMatchObject({
      code: -32000,
      data: { code: 'PERMISSION_DENIED' },
    });
    await client.close();
  });

  it('for want of a valid token is HTTP 401 with a challenge', async () => {
    const gateway = await createTestGateway({
      slots: {
        authenticate: () => {
          throw new AipError('UNAUTHENTICATED', 'This token is not valid.');
        },
      },
    });
    open.push(gateway);
    const response = await fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer wrong' },
      body: '{}',
    });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(await response.json()).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { message: 'This token is not valid.' },
    });
  });
});

describe(`a call that waits for an approval ${claim('P-MCP.parked')}`, () => {
  it.each(ERAS)('says so as progress, and goes on when it is approved (%s)', async (era) => {
    const { upstream, gateway } = await setup({ approve: asksBefore('tool:box/add') });
    const client = await connectV2(`${gateway.url}/mcp`, era);
    const seen: string[] = [];
    const call = client.callTool(
      { name: 'box_add', arguments: { a: 1, b: 2 } },
      { onprogress: ({ message }) => seen.push(message ?? '') },
    );
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    expect(seen[0]).toMatch(/Waiting for an operator/);
    expect(upstream.calls).toEqual([]);
    await approve(gateway.exchange);
    expect(await call).toMatchObject({ structuredContent: { sum: 3 } });
    await client.close();
  });

  it.each(ERAS)('survives a client that gives up, and an identical retry re-attaches to it (%s)', async (era) => {
    const { upstream, gateway } = await setup({ approve: asksBefore('tool:box/add') });
    const client = await connectV2(`${gateway.url}/mcp`, era);
    const params = { name: 'box_add', arguments: { a: 20, b: 2 } };
    await expect(client.callTool(params, { timeout: 300 })).rejects.toThrow();
    expect([...gateway.exchange.live.values()]).toHaveLength(1);
    const retried = client.callTool(params);
    await approve(gateway.exchange);
    expect(await retried).toMatchObject({ structuredContent: { sum: 22 } });
    expect(upstream.calls).toHaveLength(1);
    await client.close();
  });

  it('is a task for a client that takes tasks, to be read, cancelled, and seen by its caller only', async () => {
    const { upstream, gateway } = await setup({ approve: asksBefore('tool:box/add') });
    const url = `${gateway.url}/mcp`;
    const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
    const params = { name: 'box_add', arguments: { a: 1, b: 2 } };
    const created = (await post(url, 'tools/call', params, { capabilities })).body['result'] as JsonObject;
    expect(created).toMatchObject({ resultType: 'task', status: 'working', ttlMs: null });
    const task = { taskId: created['taskId'] as string };
    expect((await post(url, 'tasks/get', task, { capabilities })).body).toMatchObject({
      result: { resultType: 'complete', status: 'working' },
    });
    expect(
      (await post(url, 'tasks/get', task, { capabilities, headers: { authorization: 'Bearer bob' } })).body,
    ).toMatchObject({ error: { code: -32602 } });
    expect((await post(url, 'tasks/get', task)).body).toMatchObject({ error: { code: -32021 } });
    await approve(gateway.exchange);
    await expect
      .poll(async () => ((await post(url, 'tasks/get', task, { capabilities })).body['result'] as JsonObject)['status'])
      .toBe('completed');
    expect((await post(url, 'tasks/get', task, { capabilities })).body).toMatchObject({
      result: { status: 'completed', result: { structuredContent: { sum: 3 } } },
    });

    const second = (await post(url, 'tools/call', { name: 'box_add', arguments: { a: 5, b: 5 } }, { capabilities }))
      .body['result'] as JsonObject;
    const other = { taskId: second['taskId'] as string };
    expect((await post(url, 'tasks/cancel', other, { capabilities })).body).toMatchObject({
      result: { resultType: 'complete' },
    });
    await expect
      .poll(
        async () => ((await post(url, 'tasks/get', other, { capabilities })).body['result'] as JsonObject)['status'],
      )
      .toBe('cancelled');
    expect(upstream.calls).toHaveLength(1);
  });
});

describe(`what the upstream asks in the middle of a call ${claim('P-MCP.asks')}`, () => {
  const elicitation = { capabilities: { elicitation: { form: {} } } };
  const pairs = ERAS.flatMap((client) =>
    (['modern', 'legacy'] as const).map((upstream) => [client, upstream] as const),
  );

  it.each(pairs)('reaches its caller: client %s, upstream %s', async (era, upstreamEra) => {
    const upstream = await startHttpUpstream(upstreamEra);
    open.push(upstream);
    const gateway = await createTestGateway({ servers: { box: { url: upstream.url } } });
    open.push(gateway);
    const names = ['Ada', 'Bob', 'Cyd'];
    const clients = await Promise.all(
      names.map((name) =>
        connectV2(`${gateway.url}/mcp`, era, {
          ...elicitation,
          token: name,
          prepare: (client) =>
            client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name } })),
        }),
      ),
    );
    const answers = await Promise.all(clients.map((client) => client.callTool({ name: 'box_greet', arguments: {} })));
    expect(answers.map((answer) => answer.content[0])).toMatchObject(names.map((name) => ({ text: `Hello ${name}` })));
    for (const client of clients) await client.close();
  });

  it('is refused where the caller cannot answer', async () => {
    const upstream = await startHttpUpstream('modern');
    open.push(upstream);
    const gateway = await createTestGateway({ servers: { box: { url: upstream.url } } });
    open.push(gateway);
    const client = await connectV2(`${gateway.url}/mcp`, 'auto');
    await expect(client.callTool({ name: 'box_greet', arguments: {} })).rejects.toMatchObject({ code: -32021 });
    await client.close();
  });

  it('holds up none of its caller’s other calls while it is not answered', async () => {
    const upstream = await startHttpUpstream('legacy');
    open.push(upstream);
    const gateway = await createTestGateway({ servers: { box: { url: upstream.url } } });
    open.push(gateway);
    const capabilities = { elicitation: { form: {} } };
    const call = async (name: string, args: JsonObject = {}): Promise<unknown> =>
      (await post(`${gateway.url}/mcp`, 'tools/call', { name, arguments: args }, { capabilities })).body['result'];
    for (let n = 0; n < 3; n++) expect(await call('box_greet')).toMatchObject({ resultType: 'input_required' });
    expect(await call('box_add', { a: 1, b: 2 })).toMatchObject({ structuredContent: { sum: 3 } });
  });

  it('cannot be answered by another caller, nor with a forged state', async () => {
    const upstream = await startHttpUpstream('modern');
    open.push(upstream);
    const gateway = await createTestGateway({ servers: { box: { url: upstream.url } } });
    open.push(gateway);
    const url = `${gateway.url}/mcp`;
    const capabilities = { elicitation: { form: {} } };
    const asked = (await post(url, 'tools/call', { name: 'box_greet', arguments: {} }, { capabilities })).body[
      'result'
    ] as JsonObject;
    expect(asked).toMatchObject({ resultType: 'input_required' });
    const [ask] = Object.keys(asked['inputRequests'] as JsonObject);
    const answer = (state: string) => ({
      name: 'box_greet',
      arguments: {},
      requestState: state,
      inputResponses: { [ask!]: { action: 'accept', content: { name: 'Eve' } } },
    });
    const state = asked['requestState'] as string;
    expect(
      (await post(url, 'tools/call', answer(state), { capabilities, headers: { authorization: 'Bearer eve' } })).body,
    ).toMatchObject({ error: { code: -32602 } });
    expect((await post(url, 'tools/call', answer(`${state.slice(0, -2)}xx`), { capabilities })).body).toMatchObject({
      error: { code: -32602 },
    });
    expect((await post(url, 'tools/call', answer(state), { capabilities })).body).toMatchObject({
      result: { content: [{ text: 'Hello Eve' }] },
    });
  });
});

it(`carries trace context and foreign metadata, but no credentials, and honours an idempotency key ${claim('P-MCP.meta')}`, async () => {
  const { upstream, gateway } = await setup({});
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const _meta = {
    traceparent,
    'example.com/note': 'kept',
    authorization: 'Bearer secret',
    'x-api-key': 'secret',
    'aip/idempotencyKey': 'once',
    'example.com/context': {
      author: 'Eve',
      sent: { Authorization: ['Bearer secret'], tokens: 3 },
      header: 'bearer secret',
      list: [{ session_cookie: 'secret' }, 'kept'],
    },
  };
  const params = { name: 'box_add', arguments: { a: 1, b: 2 }, _meta };
  for (let i = 0; i < 2; i++)
    expect((await post(`${gateway.url}/mcp`, 'tools/call', params)).body).toMatchObject({
      result: { structuredContent: { sum: 3 } },
    });
  expect(upstream.calls).toHaveLength(1);
  expect(upstream.calls[0]?.meta).toMatchObject({ traceparent, 'example.com/note': 'kept' });
  expect((upstream.calls[0]?.meta as JsonObject | undefined)?.['example.com/context']).toEqual({
    author: 'Eve',
    sent: { Authorization: [], tokens: 3 },
    list: ['kept'],
  });
  expect(JSON.stringify(upstream.calls[0]?.meta)).not.toMatch(/secret|once/);
  const other = await post(`${gateway.url}/mcp`, 'tools/call', { ...params, arguments: { a: 9, b: 9 } });
  expect(other.body).toMatchObject({
    result: { isError: true, _meta: { 'aip/error': { code: 'IDEMPOTENCY_CONFLICT' } } },
  });
});
