import { TaskState, type StreamResponse, type Task } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { claim } from '@aip/conformance';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { passing } from '../../exchange/testing.ts';
import { argumentsOf, data, text, textOf } from '../../kernel/body.ts';
import type { Guard } from '../../kernel/guard.ts';
import type { RouteCall } from '../../kernel/route.ts';
import type { RouteEvent } from '../../kernel/task.ts';
import { send, startGateway, taskIn, type Binding, type Gateway } from './testing.ts';

type Agent = (call: RouteCall) => AsyncIterable<RouteEvent>;

/** What each agent of these tests does with a message. */
const agents: Record<string, Agent> = {
  async *echo(call) {
    yield { type: 'done', body: text(textOf(call.message.body)) };
  },
  async *messenger(call) {
    yield {
      type: 'done',
      body: { type: 'a2a', value: { messageId: 'answer-1', parts: [{ text: `re: ${textOf(call.message.body)}` }] } },
    };
  },
  async *writer() {
    yield { type: 'working', body: text('thinking') };
    yield { type: 'progress', progress: 1, total: 2, message: 'half way' };
    yield { type: 'output', artifactId: 'story', name: 'story.txt', body: text('Once ') };
    yield { type: 'output', artifactId: 'story', append: true, last: true, body: data({ end: true }) };
    yield { type: 'done', body: data({ words: 2 }) };
  },
  async *asker(call) {
    yield { type: 'asked', ask: { id: 'ask-1', of: 'caller', kind: 'input', body: { message: 'Which colour?' } } };
    const answer = await call.answer('ask-1');
    yield { type: 'done', body: text(`painted ${textOf(answer)}`) };
  },
  async *sleeper(call) {
    yield { type: 'working' };
    await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
    yield { type: 'failed', error: { code: 'CANCELED', message: 'Stopped.', retryable: false }, effect: 'none' };
  },
  async *broken() {
    const content = [{ type: 'text', text: 'no such file' }];
    yield { type: 'done', body: { type: 'mcp', value: { content, structuredContent: { errno: 2 }, isError: true } } };
  },
  async *failing() {
    yield {
      type: 'failed',
      error: { code: 'UPSTREAM_FAILED', message: 'The printer is on fire.', retryable: true },
      effect: 'unknown',
    };
  },
};

/** Parks everything that is sent to the agent `guarded`. */
const approve: Guard = {
  name: 'approve',
  admit: (crossing) =>
    crossing.target.ownerName === 'guarded' && !crossing.approval
      ? { verdict: 'ask', kind: 'approval', body: { summary: 'secret reason' }, expires: Date.now() + 60_000 }
      : passing('approve').admit(crossing),
};

const policy: Guard = {
  name: 'policy',
  admit: (crossing) =>
    crossing.target.ownerName === 'forbidden'
      ? {
          verdict: 'deny',
          error: { code: 'PERMISSION_DENIED', message: 'Policy "no-go" denies this.', retryable: false },
        }
      : passing('policy').admit(crossing),
};

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ slots: { approve, policy } });
  for (const [name, deliver] of Object.entries(agents)) await gateway.agent(name, [{ name: 'main' }], deliver);
  await gateway.agent('guarded', [], agents['echo'] as Agent);
  await gateway.agent('forbidden', [], agents['echo'] as Agent);
  await gateway.agent('clerk', [{ name: 'sum' }, { name: 'echo' }], async function* (call) {
    yield {
      type: 'done',
      body: data({ to: call.message.to.split('/').at(-1) as string, got: argumentsOf(call.message.body) }),
    };
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

async function all(stream: AsyncIterable<StreamResponse>): Promise<StreamResponse[]> {
  const seen: StreamResponse[] = [];
  for await (const response of stream) seen.push(response);
  return seen;
}

/** The same of a stream that has begun when this resolves: what happens from then on is in it. */
async function begun(stream: AsyncGenerator<StreamResponse>): Promise<{ readonly all: Promise<StreamResponse[]> }> {
  const { value } = await stream.next();
  return { all: all(stream).then((rest) => [value as StreamResponse, ...rest]) };
}

/** A stream in short: what came, in which state, with which text. */
const brief = (responses: StreamResponse[]): string[] =>
  responses.map(({ payload }) => {
    switch (payload?.$case) {
      case 'task':
        return `task ${TaskState[payload.value.status!.state]}`;
      case 'statusUpdate':
        return `status ${TaskState[payload.value.status!.state]} ${textIn(payload.value.status?.message?.parts)}`.trim();
      case 'artifactUpdate': {
        const { artifact, append, lastChunk } = payload.value;
        return `artifact ${artifact!.artifactId}${append ? ' append' : ''}${lastChunk ? ' last' : ''}: ${textIn(artifact!.parts)}`;
      }
      default:
        return 'message';
    }
  });

const textIn = (parts: Task['history'][number]['parts'] = []): string =>
  parts.map(({ content }) => (content?.$case === 'text' ? content.value : JSON.stringify(content?.value))).join('|');

const taskOf = (result: unknown): Task => {
  expect(result).toHaveProperty('status');
  return result as Task;
};

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe.each<Binding>(['JSONRPC', 'HTTP+JSON'])(
  `A2A 1.0 over %s, by the official client ${claim('P-A2A.operations')}`,
  (binding) => {
    const clients = new Map<string, Client>();
    const client = (name: string): Client => clients.get(name) as Client;

    beforeEach(async () => {
      for (const name of [...Object.keys(agents), 'guarded', 'forbidden', 'clerk'])
        clients.set(name, await gateway.client(name, { binding }));
    });

    it('a blocking send returns the ended task with its result as an artifact', async () => {
      const task = taskOf(await client('echo').sendMessage(send('hello', { contextId: 'ctx-1' })));
      expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
      expect(task.contextId).toBe('ctx-1');
      expect(task.artifacts.map((artifact) => [artifact.artifactId, textIn(artifact.parts)])).toEqual([
        ['result', 'hello'],
      ]);
      expect(task.history.map((message) => textIn(message.parts))).toEqual(['hello']);
    });

    it('an agent that gives nothing but one message is answered with that message', async () => {
      const message = await client('messenger').sendMessage(send('hi'));
      expect(message).toMatchObject({ messageId: 'answer-1', role: 2 });
      expect(textIn((message as Task['history'][number]).parts)).toBe('re: hi');
      expect((message as { contextId: string }).contextId).not.toBe('');
    });

    it('a context is made where none is given, and kept for the task', async () => {
      const task = taskOf(await client('echo').sendMessage(send('x')));
      expect(task.contextId).toMatch(/^[0-9a-f-]{36}$/);
      expect((await client('echo').getTask({ tenant: '', id: task.id })).contextId).toBe(task.contextId);
    });

    it('a message sent again under its id is the same task and runs once', async () => {
      const message = send('once', { messageId: `same-${binding}` });
      const [first, second] = await Promise.all([
        client('echo').sendMessage(message),
        client('echo').sendMessage(message),
      ]);
      expect(taskOf(second).id).toBe(taskOf(first).id);
    });

    it('a stream begins with the task, tells every change in order and ends with the task', async () => {
      const events = await all(client('writer').sendMessageStream(send('write')));
      expect(brief(events)).toEqual([
        'task TASK_STATE_SUBMITTED',
        'status TASK_STATE_WORKING thinking',
        'status TASK_STATE_WORKING half way',
        'artifact story: Once ',
        'artifact story append last: {"end":true}',
        'artifact result last: {"words":2}',
        'status TASK_STATE_COMPLETED',
      ]);
    });

    it('what GetTask returns is what a follower of the stream has put together', async () => {
      const events = await all(client('writer').sendMessageStream(send('write')));
      const { id } = taskIn(events[0]);
      const task = await client('writer').getTask({ tenant: '', id });
      expect(task.artifacts.map((artifact) => [artifact.artifactId, artifact.name, textIn(artifact.parts)])).toEqual([
        ['story', 'story.txt', 'Once |{"end":true}'],
        ['result', 'result', '{"words":2}'],
      ]);
      expect(task.history.map((message) => textIn(message.parts))).toEqual(['write', 'thinking']);
      expect(
        (await client('writer').getTask({ tenant: '', id, historyLength: 1 })).history.map((message) =>
          textIn(message.parts),
        ),
      ).toEqual(['thinking']);
      expect((await client('writer').getTask({ tenant: '', id, historyLength: 0 })).history).toEqual([]);
    });

    it('returnImmediately returns a task that is still under way', async () => {
      const task = taskOf(await client('sleeper').sendMessage(send('sleep', { returnImmediately: true })));
      expect([TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING]).toContain(task.status?.state);
      await client('sleeper').cancelTask({ tenant: '', id: task.id, metadata: undefined });
    });

    it(`a task that asks its caller is answered by a message to it ${claim('P-A2A.turns')}`, async () => {
      const asked = taskOf(await client('asker').sendMessage(send('paint')));
      expect(asked.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
      expect(textIn(asked.status?.message?.parts)).toContain('Which colour?');
      const wrongContext = client('asker').sendMessage(send('red', { taskId: asked.id, contextId: 'another' }));
      await expect(wrongContext).rejects.toThrow('belongs to another context');
      const done = taskOf(
        await client('asker').sendMessage(send('red', { taskId: asked.id, contextId: asked.contextId })),
      );
      expect(done.id).toBe(asked.id);
      expect(textIn(done.artifacts[0]?.parts)).toBe('painted red');
      await expect(client('asker').sendMessage(send('blue', { taskId: asked.id }))).rejects.toMatchObject({
        name: 'UnsupportedOperationError',
      });
    });

    it('an answer can be streamed: first the task as it is, then what follows', async () => {
      const asked = taskOf(await client('asker').sendMessage(send('paint')));
      const events = await all(client('asker').sendMessageStream(send('green', { taskId: asked.id })));
      expect(brief(events).at(0)).toMatch(/^task /);
      expect(brief(events).slice(-2)).toEqual(['artifact result last: painted green', 'status TASK_STATE_COMPLETED']);
    });

    it(`a call that an operator must approve waits as auth_required and goes on by itself ${claim('P-A2A.parked')}`, async () => {
      const words = `guarded ${binding}`;
      const parked = taskOf(await client('guarded').sendMessage(send(words)));
      expect(parked.status?.state).toBe(TaskState.TASK_STATE_AUTH_REQUIRED);
      expect(textIn(parked.status?.message?.parts)).toMatch(/^Waiting for an operator/);
      expect(JSON.stringify(parked)).not.toContain('secret reason');
      await expect(client('guarded').sendMessage(send('hurry', { taskId: parked.id }))).rejects.toMatchObject({
        name: 'UnsupportedOperationError',
      });
      expect(taskOf(await client('guarded').sendMessage(send(words))).id).toBe(parked.id);
      const events = await begun(client('guarded').resubscribeTask({ tenant: '', id: parked.id }));
      await gateway.exchange.resume(parked.id, { approval: { askId: 'ask', by: 'service:operator' } });
      expect(brief(await events.all)).toEqual([
        'task TASK_STATE_AUTH_REQUIRED',
        'status TASK_STATE_SUBMITTED',
        `artifact result last: ${words}`,
        'status TASK_STATE_COMPLETED',
      ]);
      // The client has the result now: the same words again are a new call.
      expect(taskOf(await client('guarded').sendMessage(send(words))).id).not.toBe(parked.id);
    });

    it('a canceled task ends as canceled; canceling it again changes nothing; an ended task cannot be canceled', async () => {
      const task = taskOf(await client('sleeper').sendMessage(send('sleep', { returnImmediately: true })));
      const canceled = await client('sleeper').cancelTask({ tenant: '', id: task.id, metadata: undefined });
      expect(canceled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
      expect((await client('sleeper').cancelTask({ tenant: '', id: task.id, metadata: undefined })).id).toBe(task.id);
      const done = taskOf(await client('echo').sendMessage(send('x')));
      await expect(client('echo').cancelTask({ tenant: '', id: done.id, metadata: undefined })).rejects.toMatchObject({
        name: 'TaskNotCancelableError',
      });
    });

    it('closing a stream leaves the task and the other streams alone', async () => {
      const first = client('sleeper').sendMessageStream(send('sleep'));
      const opening = await first.next();
      const { id } = taskIn(opening.value as StreamResponse);
      const second = await begun(client('sleeper').resubscribeTask({ tenant: '', id }));
      await first.return(undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await client('sleeper').getTask({ tenant: '', id })).status?.state).toBe(TaskState.TASK_STATE_WORKING);
      await client('sleeper').cancelTask({ tenant: '', id, metadata: undefined });
      expect(brief(await second.all).at(-1)).toBe('status TASK_STATE_CANCELED The caller canceled this task.');
      await until(async () => [...gateway.exchange.sessions.all()].length === 0);
    });

    it(`all streams of a task tell the same events in the same order ${claim('P-A2A.streams')}`, async () => {
      const task = taskOf(await client('asker').sendMessage(send('paint')));
      const streams = await Promise.all(
        [1, 2, 3].map(() => begun(client('asker').resubscribeTask({ tenant: '', id: task.id }))),
      );
      await client('asker').sendMessage(send('red', { taskId: task.id }));
      const [one, two, three] = await Promise.all(streams.map((stream) => stream.all));
      expect(two).toEqual(one);
      expect(three).toEqual(one);
      expect(brief(one!).length).toBe(4);
    });

    it('a task that has ended cannot be subscribed to', async () => {
      const task = taskOf(await client('echo').sendMessage(send('x')));
      await expect(all(client('echo').resubscribeTask({ tenant: '', id: task.id }))).rejects.toMatchObject({
        name: 'UnsupportedOperationError',
      });
    });

    it('a failed task says why, with the stable code and what is known of its effect', async () => {
      const task = taskOf(await client('failing').sendMessage(send('print')));
      expect(task.status?.state).toBe(TaskState.TASK_STATE_FAILED);
      expect(textIn(task.status?.message?.parts)).toBe('The printer is on fire.');
      expect(task.status?.message?.metadata).toMatchObject({
        'aip.error': { code: 'UPSTREAM_FAILED', retryable: true },
        'aip.effect': 'unknown',
      });
    });

    it('a tool that ran and says that it failed is a failed task, with its result as an artifact', async () => {
      const task = taskOf(await client('broken').sendMessage(send('read')));
      expect(task.status?.state).toBe(TaskState.TASK_STATE_FAILED);
      expect(task.status?.message?.metadata).toMatchObject({ 'aip.error': { code: 'TOOL_FAILED' } });
      expect(task.artifacts).toMatchObject([{ parts: [{ content: { value: { errno: 2 } } }] }]);
    });

    it('a denial is an error that names its reason, and no task', async () => {
      await expect(client('forbidden').sendMessage(send('x'))).rejects.toThrow('Policy "no-go" denies this.');
    });

    it('tasks are listed newest first, page by page, filtered, without artifacts unless asked for', async () => {
      const contextId = `list-${binding}`;
      for (const word of ['a', 'b', 'c', 'd', 'e']) await client('echo').sendMessage(send(word, { contextId }));
      const request = { tenant: '', contextId, status: 0, pageToken: '', statusTimestampAfter: undefined, pageSize: 2 };
      const seen: Task[] = [];
      for (let pageToken = '', pages = 0; pages < 4; pages++) {
        const page = await client('echo').listTasks({ ...request, pageToken });
        expect(page.tasks.length).toBeLessThanOrEqual(2);
        seen.push(...page.tasks);
        pageToken = page.nextPageToken;
        if (pageToken === '') break;
      }
      const times = seen.map((task) => task.status?.timestamp as string);
      expect(seen.length).toBe(5);
      expect(times).toEqual(times.toSorted().toReversed());
      expect(
        seen.every((task) => task.artifacts.length === 0 && task.history.length === 0 && task.contextId === contextId),
      ).toBe(true);
      const rich = await client('echo').listTasks({
        ...request,
        pageSize: 1,
        includeArtifacts: true,
        historyLength: 1,
      });
      expect([textIn(rich.tasks[0]?.artifacts[0]?.parts), textIn(rich.tasks[0]?.history[0]?.parts)]).toEqual([
        'e',
        'e',
      ]);
      expect((await client('echo').listTasks({ ...request, status: TaskState.TASK_STATE_FAILED })).tasks).toEqual([]);
      const later = new Date(Date.parse(times[2] as string)).toISOString();
      expect(
        (await client('echo').listTasks({ ...request, pageSize: 100, statusTimestampAfter: later })).tasks.length,
      ).toBeGreaterThanOrEqual(3);
      await expect(client('echo').listTasks({ ...request, pageSize: 101 })).rejects.toMatchObject({
        name: 'RequestMalformedError',
      });
    });

    it(`a task belongs to its caller and to its agent: for anybody else it does not exist ${claim('P-A2A.scope')}`, async () => {
      const task = taskOf(await client('echo').sendMessage(send('mine')));
      const other = await gateway.client('echo', { token: 'mallory', binding });
      await expect(other.getTask({ tenant: '', id: task.id })).rejects.toMatchObject({ name: 'TaskNotFoundError' });
      await expect(other.cancelTask({ tenant: '', id: task.id, metadata: undefined })).rejects.toMatchObject({
        name: 'TaskNotFoundError',
      });
      await expect(all(other.resubscribeTask({ tenant: '', id: task.id }))).rejects.toMatchObject({
        name: 'TaskNotFoundError',
      });
      await expect(other.sendMessage(send('x', { taskId: task.id }))).rejects.toMatchObject({
        name: 'TaskNotFoundError',
      });
      expect(
        (
          await other.listTasks({
            tenant: '',
            contextId: '',
            status: 0,
            pageToken: '',
            statusTimestampAfter: undefined,
          })
        ).tasks,
      ).toEqual([]);
      await expect(client('clerk').getTask({ tenant: '', id: task.id })).rejects.toMatchObject({
        name: 'TaskNotFoundError',
      });
    });

    it(`a skill is named in the metadata; an agent with one skill needs no name ${claim('P-A2A.routing')}`, async () => {
      const called = async (name: string, metadata?: Record<string, unknown>) => {
        const task = taskOf(await client(name).sendMessage(send('x', metadata ? { metadata } : {})));
        return (await gateway.exchange.operate(
          {
            id: 's',
            principal: gateway.exchange.authenticate({ kind: 'bearer', token: 'alice' }),
            edge: 'a2a',
            accepts: {},
            opened: 0,
            close() {},
          },
          'tasks.get',
          { task: task.id },
        )) as { task: { to: string } };
      };
      expect((await called('clerk', { 'aip.skill': 'sum' })).task.to).toMatch(/^skill:did:.*\/sum$/);
      expect((await called('clerk')).task.to).toMatch(/^agent:did:/);
      expect((await called('echo')).task.to).toMatch(/^skill:did:.*\/main$/);
      await expect(client('clerk').sendMessage(send('x', { metadata: { 'aip.skill': 'no such' } }))).rejects.toThrow(
        'There is no skill',
      );
    });

    it(`the gateway itself is an agent that passes messages on to a named skill ${claim('P-A2A.routing')}`, async () => {
      const self = await gateway.client(undefined, { binding });
      const task = taskOf(await self.sendMessage(send('x', { metadata: { 'aip.skill': 'clerk.sum' } })));
      expect(textIn(task.artifacts[0]?.parts)).toContain('"to":"sum"');
      const byCapability = taskOf(await self.sendMessage(send('x', { metadata: { 'aip.skill': 'sum' } })));
      expect(textIn(byCapability.artifacts[0]?.parts)).toContain('"to":"sum"');
      await expect(self.sendMessage(send('x'))).rejects.toThrow('name the skill');
      expect((await self.getTask({ tenant: '', id: task.id })).id).toBe(task.id);
    });

    it('what is not offered says so', async () => {
      const push = {
        tenant: '',
        taskId: 'x',
        id: 'y',
        url: 'https://example.com',
        token: '',
        authentication: undefined,
      };
      await expect(client('echo').deleteTaskPushNotificationConfig(push)).rejects.toMatchObject({
        name: 'PushNotificationNotSupportedError',
      });
      const message = send('x');
      await expect(
        client('echo').sendMessage({
          ...message,
          configuration: { ...message.configuration, taskPushNotificationConfig: push },
        }),
      ).rejects.toMatchObject({ name: 'PushNotificationNotSupportedError' });
    });
  },
);
