import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { createTestEdge, type TestEdge } from '../../platform/src/edges/http/testing.ts';
import { text } from '../../platform/src/kernel/body.ts';
import { AipClient, UnreachableError, type TaskUpdate } from './aip-client.ts';

let edge: TestEdge;
let aip: AipClient;
beforeEach(async () => {
  edge = await createTestEdge();
  edge.agent('echo', async function* ({ message }) {
    yield { type: 'output', body: text('a piece') };
    yield { type: 'done', body: message.body };
  });
  aip = new AipClient({ url: await edge.listen(), token: 'alice' });
});
afterEach(() => edge[Symbol.asyncDispose]());

const all = async (updates: AsyncIterable<TaskUpdate>): Promise<TaskUpdate[]> => Array.fromAsync(updates);

/** A server that answers as told, for what a good platform never does. */
async function misbehaving(answer: RequestListener): Promise<{ client: AipClient; server: Server } & AsyncDisposable> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new AipClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 't' });
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe(`AipClient ${claim('D-SDK.aip-client')}`, () => {
  it('runs operations with their types', async () => {
    const { tasks } = await aip.operate('tasks.list', { limit: 5 });
    expect(tasks).toEqual([]);
    const kill = () => aip.operate('kills.kill', { scope: 'global' });
    expectTypeOf(kill).returns.resolves.toExtend<{ tasks_stopped: number }>();
    // @ts-expect-error: a scope is a text
    void (() => aip.operate('kills.kill', { scope: 7 }));
  });

  it('runs operations that this version does not know', async () => {
    expect(await aip.operate('samples.echo', { text: 'hi' })).toEqual({ text: 'hi' });
  });

  it('runs an operation once under a key', async () => {
    const first = await aip.operate('samples.count', { by: 2 }, { idempotencyKey: 'k' });
    expect(await aip.operate('samples.count', { by: 2 }, { idempotencyKey: 'k' })).toEqual(first);
  });

  it('throws what the platform says is wrong', async () => {
    await expect(aip.operate('samples.echo', { count: 'many' })).rejects.toMatchObject({
      name: 'AipError',
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('count'),
    });
    await expect(aip.invoke('agent:nobody')).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
  });

  it('calls an agent and returns its result', async () => {
    expect(await aip.invoke('agent:echo', { x: 1 })).toEqual({ x: 1 });
    expect(await aip.invoke('agent:echo', 'plain words')).toBe('plain words');
  });

  it('throws why a call has failed or was canceled', async () => {
    edge.agent('broken', async function* () {
      yield {
        type: 'failed',
        error: { code: 'UPSTREAM_FAILED', message: 'It broke.', retryable: true },
        effect: 'none',
      };
    });
    await expect(aip.invoke('agent:broken')).rejects.toMatchObject({ code: 'UPSTREAM_FAILED', message: 'It broke.' });
    edge.agent('slow', async function* ({ signal }) {
      yield { type: 'working' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield { type: 'failed', error: { code: 'CANCELED', message: '', retryable: false }, effect: 'none' };
    });
    await expect(aip.invoke('agent:slow', {}, { timeout: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('streams every step of a call', async () => {
    const steps = await all(aip.stream('agent:echo', { x: 1 }));
    expect(steps.map(({ n, type, state, value }) => [n, type, state, value])).toEqual([
      [1, 'submitted', 'submitted', undefined],
      [2, 'output', 'working', 'a piece'],
      [3, 'done', 'completed', { x: 1 }],
    ]);
  });

  it('follows a task from a number, and one that has ended', async () => {
    const [first] = await all(aip.stream('agent:echo'));
    expect((await all(aip.follow(first!.task, 1))).map(({ n }) => n)).toEqual([2, 3]);
    expect(await all(aip.follow(first!.task, 3))).toEqual([]);
    await expect(all(aip.follow('no-such-task'))).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it('takes up a stream that was cut where it was, missing and repeating nothing', async () => {
    const step = Promise.withResolvers<void>();
    edge.agent('steady', async function* () {
      yield { type: 'progress', progress: 1 };
      await step.promise;
      yield { type: 'done', body: text('made it') };
    });
    const seen: number[] = [];
    for await (const update of aip.stream('agent:steady')) {
      seen.push(update.n);
      if (update.n === 2) {
        edge.app.server.closeAllConnections();
        step.resolve();
      }
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  it('tells of a platform that is lost in the middle, and takes the call up when it is back', async () => {
    let requests = 0;
    const step = (n: number, type: string, state: string): string =>
      `id: ${n}\ndata: ${JSON.stringify({ task: 't', n, at: 0, type, state })}\n\n`;
    await using broken = await misbehaving((_request, response) => {
      requests++;
      // Gone after its first step, then not there for one attempt, then back.
      if (requests === 2) return void response.destroy();
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-aip-task': 't' });
      response.end(requests === 1 ? step(1, 'submitted', 'submitted') : step(2, 'done', 'completed'));
    });
    let lost = 0;
    const steps = await all(broken.client.stream('agent:echo', {}, { onLost: () => lost++ }));
    expect([lost, steps.map(({ n }) => n)]).toEqual([1, [1, 2]]);
  });

  it('stops when its signal is aborted', async () => {
    const stop = new AbortController();
    edge.agent('endless', async function* () {
      yield { type: 'working' };
      await new Promise(() => {});
    });
    const steps = aip.stream('agent:endless', {}, { signal: stop.signal });
    await steps.next();
    await steps.next();
    stop.abort();
    await expect(steps.next()).rejects.toThrow();
  });

  it('says what to do when no platform answers', async () => {
    const nowhere = new AipClient({ url: 'http://127.0.0.1:9/' });
    await expect(nowhere.operate('tasks.list', {})).rejects.toThrow(UnreachableError);
    await expect(nowhere.operate('tasks.list', {})).rejects.toMatchObject({
      code: 'AGENT_UNAVAILABLE',
      message: 'No platform answers at http://127.0.0.1:9; start it with "aip up".',
    });
  });

  it('does not take anything for a platform, nor follow a redirect with its token', async () => {
    await using other = await misbehaving((_request, response) => response.writeHead(500).end('<html>'));
    await expect(other.client.operate('tasks.list', {})).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    let asked = 0;
    await using moved = await misbehaving((_request, response) => {
      asked++;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    await expect(moved.client.operate('tasks.list', {})).rejects.toThrow();
    expect(asked).toBe(1);
  });
});
