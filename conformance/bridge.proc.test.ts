import type { StreamResponse, Task } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { claim } from '@aip/conformance';
import type { Client as McpClient } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { officialClient, taskIn, type Binding } from '../packages/platform/src/edges/a2a/testing.ts';
import { connectV2, ERAS } from '../packages/platform/src/edges/mcp/testing.ts';
import { artifactsOf, call, stateOf, told } from './fixtures/a2a.ts';
import { startAgentProcess, until, type AgentProcess } from './fixtures/agent-process.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

/** An agent that is connected over IoAP only, in a process of its own, called over the other protocols. */
let platform: PlatformProcess;
let helper: AgentProcess;
let token: string;

beforeAll(async () => {
  platform = await startPlatformProcess();
  token = await platform.token('caller');
  helper = await startAgentProcess(platform, { helper: ['work', 'pieces', 'endless'] });
});
afterAll(async () => {
  await helper?.[Symbol.asyncDispose]();
  await platform?.[Symbol.asyncDispose]();
});

const effectsOf = (key: string): number =>
  helper.traces().filter((trace) => trace.kind === 'effect' && trace.key === key).length;
const wasCanceled = (key: string): boolean =>
  helper.traces().some((trace) => trace.kind === 'canceled' && trace.key === key);

describe.each<Binding>(['JSONRPC', 'HTTP+JSON'])(
  `an IoAP agent, called from the official A2A client over %s ${claim('P-BRIDGE.a2a')}`,
  (binding) => {
    let client: Client;
    const key = (name: string): string => `${binding} ${name}`;
    const connect = (): Promise<Client> => officialClient(platform.url, 'helper', token, binding);

    beforeAll(async () => {
      client = await connect();
    });

    it('answers a blocking message', async () => {
      const task = (await client.sendMessage(call('work', { key: key('blocking') }))) as Task;
      expect(stateOf(task)).toBe('TASK_STATE_COMPLETED');
      expect(artifactsOf(task)).toEqual([{ key: key('blocking') }]);
      expect(effectsOf(key('blocking'))).toBe(1);
    });

    it('streams its pieces as they come', async () => {
      const events: string[] = [];
      const times: number[] = [];
      for await (const event of client.sendMessageStream(call('pieces', { key: key('stream'), ms: 120 }))) {
        events.push(told(event));
        times.push(performance.now());
      }
      expect(events[0]).toBe('task TASK_STATE_SUBMITTED');
      expect(events.at(-1)).toBe('status TASK_STATE_COMPLETED');
      const pieces = events.filter((event) => event.startsWith('artifact') && event.includes('piece'));
      expect(pieces.join('')).toMatch(/piece 1.*piece 2.*piece 3/);
      expect(events).toContain(`artifact ["${key('stream')} whole"]`);
      // They did not wait for the end.
      expect(times.at(-1)! - times[events.indexOf(pieces[0]!)]!).toBeGreaterThan(200);
    });

    it('is canceled, and told so', async () => {
      const stream = client.sendMessageStream(call('endless', { key: key('cancel') }));
      const { id } = taskIn((await stream.next()).value as StreamResponse);
      await until(() => effectsOf(key('cancel')) === 1, 5_000);
      const canceled = await client.cancelTask({ tenant: '', id, metadata: undefined });
      expect(stateOf(canceled)).toBe('TASK_STATE_CANCELED');
      const rest: string[] = [];
      for await (const event of stream) rest.push(told(event));
      expect(rest.at(-1)).toBe('status TASK_STATE_CANCELED');
      await until(() => wasCanceled(key('cancel')), 5_000);
    });

    it('fails with the reason of its own', async () => {
      await expect(client.sendMessage(call('no-such-skill', {}))).rejects.toThrow(/There is no skill/);
    });

    it('leaves a task that is read after a restart as it was', async () => {
      const task = (await client.sendMessage(call('work', { key: key('restart') }))) as Task;
      await platform.kill9();
      await platform.restart();
      client = await connect();
      expect(await client.getTask({ tenant: '', id: task.id })).toEqual(task);
      await connected();
    });
  },
);

describe(`an IoAP agent, called by POST /v1/invoke ${claim('P-BRIDGE.http')}`, () => {
  it('answers, streams, and is canceled by a deadline', async () => {
    const aip = platform.client(token);
    expect(await aip.invoke('skill:helper/work', { key: 'http' })).toEqual({ key: 'http' });
    expect(effectsOf('http')).toBe(1);

    const steps = await Array.fromAsync(aip.stream('skill:helper/pieces', { key: 'http pieces', ms: 60 }));
    expect(steps.map(({ n }) => n)).toEqual(steps.map((_, index) => index + 1));
    const pieces = steps.filter(({ type }) => type === 'output').map((step) => step['value']);
    expect(pieces.join('')).toBe('piece 1 piece 2 piece 3 ');
    expect(steps.at(-1)).toMatchObject({ type: 'done', value: 'http pieces whole' });

    await expect(aip.invoke('skill:helper/endless', { key: 'http endless' }, { timeout: 300 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await until(() => wasCanceled('http endless'), 5_000);
  });
});

describe.each(ERAS)(
  `an IoAP agent, called from the official MCP client as a tool, %s ${claim('P-BRIDGE.mcp')}`,
  (era) => {
    let client: McpClient;
    const key = (name: string): string => `mcp ${era} ${name}`;

    beforeAll(async () => {
      client = await connectV2(`${platform.url}/mcp`, era, { token });
    });
    afterAll(() => client.close());

    it('is listed with its capabilities, and answers', async () => {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['helper_work', 'helper_pieces', 'helper_endless']),
      );
      expect(await client.callTool({ name: 'helper_work', arguments: { key: key('call') } })).toMatchObject({
        structuredContent: { key: key('call') },
      });
      expect(effectsOf(key('call'))).toBe(1);
    });

    it('tells how far it has come', async () => {
      const seen: (string | undefined)[] = [];
      const result = await client.callTool(
        { name: 'helper_pieces', arguments: { key: key('progress'), ms: 120 } },
        { onprogress: ({ message }) => seen.push(message) },
      );
      expect(result).toMatchObject({ content: [{ type: 'text', text: `${key('progress')} whole` }] });
      expect(seen.join('')).toMatch(/piece 1.*piece 3/);
    });

    it('is canceled, and told so', async () => {
      const stop = new AbortController();
      const called = client.callTool(
        { name: 'helper_endless', arguments: { key: key('cancel') } },
        { signal: stop.signal },
      );
      called.catch(() => {});
      await until(() => effectsOf(key('cancel')) === 1, 5_000);
      stop.abort();
      await expect(called).rejects.toThrow();
      await until(() => wasCanceled(key('cancel')), 5_000);
    });

    it('an agent of its own endpoint has its own names', async () => {
      const alone = await connectV2(`${platform.url}/mcp/helper`, era, { token });
      expect((await alone.listTools()).tools.map(({ name }) => name)).toEqual(['endless', 'pieces', 'work']);
      expect(await alone.callTool({ name: 'work', arguments: { key: key('alone') } })).toMatchObject({
        structuredContent: { key: key('alone') },
      });
      await alone.close();
    });
  },
);

/** The agent has come back after a restart. */
async function connected(): Promise<void> {
  await until(
    async () => (await platform.admin.operate('agents.list', { state: 'connected' })).agents.length === 1,
    10_000,
  );
}
