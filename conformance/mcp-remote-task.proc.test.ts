import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterEach, expect, it } from 'vitest';
import { startTaskServer, type TaskServer } from '../packages/platform/src/edges/mcp/task-server.testing.ts';
import { post } from '../packages/platform/src/edges/mcp/testing.ts';
import { until } from './fixtures/agent-process.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const done = { status: 'completed', result: { content: [{ type: 'text', text: 'built' }] } };

interface Setup {
  readonly server: TaskServer;
  readonly platform: PlatformProcess;
  send(method: string, params: JsonObject): Promise<JsonObject>;
}

async function setup(): Promise<Setup> {
  const server = await startTaskServer();
  open.push(server);
  const platform = await startPlatformProcess({ settings: { mcp: { servers: { jobs: { url: server.url } } } } });
  open.push(platform);
  const listed = async (): Promise<string> =>
    JSON.stringify(await platform.client(platform.adminToken).operate('catalogue.list', { owner: 'jobs' }));
  await until(async () => (await listed()).includes('"job"'), 10_000);
  return {
    server,
    platform,
    async send(method, params) {
      const headers = { authorization: `Bearer ${platform.adminToken}` };
      const { body } = await post(`${platform.url}/mcp/jobs`, method, params, { capabilities, headers });
      return (body['result'] ?? body) as JsonObject;
    },
  };
}

async function begun({ server, send }: Setup): Promise<{ taskId: string }> {
  const created = await send('tools/call', { name: 'job', arguments: {} });
  expect(created).toMatchObject({ resultType: 'task' });
  const { polls } = server.seen;
  await until(() => Promise.resolve(server.seen.polls > polls), 5_000);
  return { taskId: created['taskId'] as string };
}

it.each(['killed', 'stopped'] as const)(
  `a task of a server goes on though the platform is %s meanwhile, and is begun once ${claim('P-MCP-GW.tasks')}`,
  async (how) => {
    const here = await setup();
    const { server, platform, send } = here;
    const task = await begun(here);
    if (how === 'killed') await platform.kill9();
    else await platform.stop();
    server.stand(done);
    await platform.restart();
    await until(async () => (await send('tasks/get', task))['status'] === 'completed', 20_000);
    expect(await send('tasks/get', task)).toMatchObject(done);
    expect(server.seen.calls).toBe(1);
    expect(server.seen.cancelled).toEqual([]);
  },
);

it(`ends with its effect unknown where the server has forgotten it ${claim('P-MCP-GW.tasks')}`, async () => {
  const here = await setup();
  const task = await begun(here);
  await here.platform.kill9();
  here.server.forget();
  await here.platform.restart();
  await until(async () => (await here.send('tasks/get', task))['status'] === 'completed', 20_000);
  expect(await here.send('tasks/get', task)).toMatchObject({
    result: { isError: true, _meta: { 'aip/error': { code: 'EFFECT_UNKNOWN' } } },
  });
  expect(here.server.seen.calls).toBe(1);
});
