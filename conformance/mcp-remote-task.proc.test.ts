import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { afterEach, expect, it } from 'vitest';
import { startLegacyTaskServer } from '../packages/platform/src/edges/mcp/legacy-task-server.testing.ts';
import { startTaskServer } from '../packages/platform/src/edges/mcp/task-server.testing.ts';
import { post } from '../packages/platform/src/edges/mcp/testing.ts';
import { until } from './fixtures/agent-process.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const done = { status: 'completed', result: { content: [{ type: 'text', text: 'built' }] } };

interface Setup<Server> {
  readonly server: Server;
  readonly platform: PlatformProcess;
  send(method: string, params: JsonObject): Promise<JsonObject>;
}

async function setup<Server extends AsyncDisposable & { url: string }>(
  start: () => Promise<Server>,
): Promise<Setup<Server>> {
  const server = await start();
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

/** A task of the server, begun. By which id the server knows it is on record then. */
async function begun({ platform, send }: Pick<Setup<unknown>, 'platform' | 'send'>): Promise<{ taskId: string }> {
  const created = await send('tools/call', { name: 'job', arguments: {} });
  expect(created).toMatchObject({ resultType: 'task' });
  const taskId = created['taskId'] as string;
  const client = platform.client(platform.adminToken);
  const isOnRecord = async (): Promise<boolean> =>
    (await client.operate('tasks.get', { task: taskId })).events.some((event) => 'handle' in event);
  await until(isOnRecord, 5_000);
  return { taskId };
}

it.each(['killed', 'stopped'] as const)(
  `a task of a server goes on though the platform is %s meanwhile, and is begun once ${claim('P-MCP-GW.tasks')}`,
  async (how) => {
    const here = await setup(startTaskServer);
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
  const here = await setup(startTaskServer);
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

it(`is not begun a second time where the platform was killed before it had its id: its effect is unknown ${claim('P-MCP-GW.tasks')}`, async () => {
  const { server, platform, send } = await setup(startTaskServer);
  server.fallSilent();
  const call = send('tools/call', { name: 'job', arguments: {} }).catch(() => 'lost');
  await until(() => server.seen.calls === 1, 10_000);
  await platform.kill9();
  expect(await call).toBe('lost');
  await platform.restart();
  const client = platform.client(platform.adminToken);
  const ended = async (): Promise<unknown> => {
    const { tasks } = await client.operate('tasks.list', {});
    const job = tasks.find(({ to }) => to === 'tool:jobs/job');
    return job?.state === 'failed' && (await client.operate('tasks.get', { task: job.id })).events.at(-1);
  };
  await until(async () => Boolean(await ended()), 20_000);
  expect(await ended()).toMatchObject({ type: 'failed', effect: 'unknown', error: { code: 'EFFECT_UNKNOWN' } });
  expect(server.seen.calls).toBe(1);
});

it.each(['killed', 'stopped'] as const)(
  `a task of a server of 2025-11-25 goes on though the platform is %s meanwhile, and is begun once ${claim('P-MCP-GW.legacy-tasks')}`,
  async (how) => {
    const here = await setup(startLegacyTaskServer);
    const { server, platform, send } = here;
    const task = await begun(here);
    if (how === 'killed') await platform.kill9();
    else await platform.stop();
    const [job] = server.tasks();
    await server.finish(job!.taskId);
    await platform.restart();
    await until(async () => (await send('tasks/get', task))['status'] === 'completed', 20_000);
    expect(await send('tasks/get', task)).toMatchObject({ result: { content: [{ text: 'built' }] } });
    expect(server.tasks()).toHaveLength(1);
    expect(server.seen.map(({ method }) => method)).not.toContain('tasks/cancel');
  },
);
