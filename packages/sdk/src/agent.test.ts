import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import { AipError, generateKeyPair, type Json, type JsonObject } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../platform/src/edges/ioap/testing.ts';
import { oneShot, outcomeOf, type Call } from '../../platform/src/exchange/index.ts';
import { data, text, type Body } from '../../platform/src/kernel/body.ts';
import { Agent, type AgentOptions } from './agent.ts';
import type { Task, TaskContext } from './task.ts';

let gateway: TestGateway;
const agents: Agent[] = [];
const lines: string[] = [];

beforeEach(async () => {
  lines.length = 0;
  gateway = await startTestGateway();
});
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  await gateway[Symbol.asyncDispose]();
});

async function started(options: Partial<AgentOptions>): Promise<Agent> {
  const agent = new Agent({
    name: 'worker',
    key: generateKeyPair(),
    gateway: gateway.url,
    backoff: { min: 20, max: 50 },
    log: (line) => void lines.push(line),
    ...options,
  });
  agents.push(agent);
  await agent.start();
  return agent;
}

function send(to: string, body: Body, more: object = {}): Promise<Call> {
  const session = oneShot(
    { principal: gateway.exchange.authenticate({ kind: 'bearer', token: 'somebody' }), edge: 'http' },
    Date.now(),
  );
  return gateway.exchange.send(session, { to: to as `agent:${string}`, action: 'invoke', body, ...more });
}
const result = async (call: Call): Promise<Json> => {
  const outcome = outcomeOf(await call.ended);
  if (outcome.ok) return outcome.body.value as Json;
  throw new AipError(outcome.error.code, outcome.error.message, {
    details: { ...outcome.error.details, effect: outcome.effect },
  });
};
const cut = (agent: Agent): void => {
  for (const session of gateway.exchange.sessions.all())
    if (session.principal.id === agent.did) session.close('RESUME_FAILED', 'cut');
};

describe(`Agent ${claim('P-IOAP.agent')}`, () => {
  it('of at most 15 lines is an example that works', async () => {
    const source = readFileSync(new URL('../../../examples/echo-agent.ts', import.meta.url), 'utf8');
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
  });

  it('answers with what its handler returns, whoever asks', async () => {
    await started({
      capabilities: { shout: { handler: ({ text: said }) => ({ said: (said as string).toUpperCase() }) } },
    });
    expect(await result(await send('capability:shout', data({ text: 'hi' })))).toEqual({ said: 'HI' });
    expect(await result(await send('agent:worker', text('hi')))).toEqual({ said: 'HI' });
  });

  it('is told the task and its caller', async () => {
    const tasks: Task[] = [];
    await started({ capabilities: { look: {}, see: {} }, handleTask: (task) => void tasks.push(task) });
    const call = await send('capability:look', data({ at: 'this' }));
    expect(await result(call)).toBeNull();
    await result(await send('agent:worker', text('what is that?')));
    expect(tasks).toMatchObject([
      {
        id: call.taskId,
        capability: 'look',
        args: { at: 'this' },
        attempt: 1,
        caller: { id: 'service:somebody', edge: 'http' },
      },
      { query: 'what is that?', args: { text: 'what is that?' } },
    ]);
  });

  it('takes the word on the task only from the gateway', async () => {
    const tasks: Task[] = [];
    const worker = await started({ handleTask: (task) => void tasks.push(task) });
    const other = await started({ name: 'other' });
    const pretended = { task_id: 'mine', attempt: 9, caller: { id: 'user:admin' } };
    await expect(other.client.sendExecRequest(worker.did, { args: {}, ...pretended })).rejects.toMatchObject({
      code: 'MALFORMED_MESSAGE',
    });
    expect(tasks).toEqual([]);
    await other.client.sendExecRequest(worker.did, { args: {} });
    expect(tasks).toMatchObject([{ attempt: 1, caller: { id: other.did } }]);
  });

  it('may be a class of its own', async () => {
    class Adder extends Agent {
      override handleTask({ args }: Task): number {
        return Number(args['a']) + Number(args['b']);
      }
    }
    const agent = new Adder({
      name: 'adder',
      key: generateKeyPair(),
      gateway: gateway.url,
      capabilities: { add: {} },
      log: () => {},
    });
    agents.push(agent);
    await agent.start();
    expect(await result(await send('capability:add', data({ a: 2, b: 3 })))).toBe(5);
  });

  it('streams what a generator yields, its progress, and its result', async () => {
    await started({
      capabilities: {
        count: {
          async *handler(_args: JsonObject, { progress, emit }: TaskContext) {
            await progress(1, 3, 'begun');
            yield 'one ';
            await emit('two ');
            yield 'three';
          },
        },
      },
    });
    const call = await send('capability:count', data({}));
    expect(await result(call)).toBe('one three');
    const seen: unknown[] = [];
    let streamed = '';
    for await (const event of call.events()) {
      if (event.type === 'progress') seen.push([event.progress, event.total, event.message]);
      if (event.type === 'output') streamed += event.body.value as string;
    }
    expect(seen).toEqual([[1, 3, 'begun']]);
    expect(streamed).toBe('one two three');
  });

  it('fails as its handler says, with the effect it knows of, and without a stack', async () => {
    await started({
      capabilities: {
        refuse: {
          handler: () => {
            throw new AipError('INVALID_ARGUMENT', 'amount must be positive', { details: { effect: 'none' } });
          },
        },
        crash: {
          handler: () => {
            throw new TypeError('x is not a function');
          },
        },
        huge: { handler: () => 'x'.repeat(2_000_000) },
      },
      handleTask: () => {
        throw new Error('unused');
      },
    });
    await expect(result(await send('capability:refuse', data({})))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'amount must be positive',
      details: { effect: 'none' },
    });
    await expect(result(await send('capability:crash', data({})))).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      message: 'x is not a function',
      details: { effect: 'unknown' },
    });
    await expect(result(await send('capability:huge', data({})))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it('says what it offers to whoever asks for something else', async () => {
    const worker = await started({ capabilities: { one: { handler: () => 1 }, two: { handler: () => 2 } } });
    await expect(result(await send(`agent:${worker.did}`, data({})))).rejects.toMatchObject({
      code: 'UNSUPPORTED_OPERATION',
      message: expect.stringContaining('one, two') as string,
    });
  });

  it('is canceled through its signal', async () => {
    let reason: unknown;
    await started({
      capabilities: {
        wait: {
          handler: (_args, { signal }) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => {
                reason = signal.reason;
                reject(new AipError('CANCELED', 'stopped in time', { details: { effect: 'none' } }));
              });
            }),
        },
      },
    });
    const call = await send('capability:wait', data({}));
    await expect.poll(() => call.last?.type).toBe('submitted');
    await new Promise((resolve) => setTimeout(resolve, 50));
    call.cancel('caller');
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'caller', effect: 'none' });
    expect(reason).toMatchObject({ code: 'CANCELED' });
  });

  it('leaves it to the gateway to say when the time is up', async () => {
    await started({
      capabilities: {
        wait: {
          handler: (_args, { signal }) =>
            new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
        },
      },
    });
    const call = await send('capability:wait', data({}), { deadline: Date.now() + 100 });
    expect(await call.ended).toMatchObject({ type: 'canceled', reason: 'deadline' });
  });

  it('calls others on behalf of its task, under a key that survives a second run', async () => {
    const keys: unknown[] = [];
    const ran: string[] = [];
    await started({
      name: 'helper',
      capabilities: {
        help: { idempotent: true, handler: ({ what }) => (ran.push(what as string), `helped ${what as string}`) },
      },
    });
    await started({
      name: 'boss',
      capabilities: {
        manage: {
          idempotent: true,
          handler: async (_args, { call, task }) => {
            keys.push(task.id);
            const once = await call('capability:help', { what: 'a' }, { key: 'step-1' });
            const again = await call('capability:help', { what: 'a' }, { key: 'step-1' });
            return [once, again, await call('capability:help', { what: 'b' }, { key: 'step-2' })];
          },
        },
      },
    });
    const call = await send('capability:manage', data({}));
    expect(await result(call)).toEqual(['helped a', 'helped a', 'helped b']);
    expect(ran).toEqual(['a', 'b']);
    const children = gateway.exchange.journal.read
      .entries('default', { from: 0, limit: 1_000 })
      .filter(({ kind, head }) => kind === 'accept' && head['parent'] === call.taskId);
    expect(children).toHaveLength(2);
    await expect(result(await send('capability:manage', data({}), { idempotencyKey: 'x' }))).resolves.toHaveLength(3);
    expect(new Set(keys).size).toBe(2);
  });

  it('goes on with a task whose connection was lost, and does not begin it again', async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const worker = await started({
      capabilities: {
        slow: {
          idempotent: true,
          async *handler() {
            runs++;
            yield 'before ';
            await gate.promise;
            yield 'after';
          },
        },
      },
    });
    const call = await send('capability:slow', data({}));
    await expect.poll(() => call.last?.type).toBe('output');
    cut(worker);
    await expect.poll(() => lines.filter((line) => line.startsWith('connected')).length).toBe(2);
    gate.resolve();
    expect(await result(call)).toBe('before after');
    expect(runs).toBe(1);
  });

  it('answers again, without doing it again, when its answer was lost', async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const worker = await started({
      backoff: { min: 300, max: 300 },
      capabilities: { slow: { idempotent: true, handler: async () => (runs++, await gate.promise, 'done') } },
    });
    const call = await send('capability:slow', data({}));
    await expect.poll(() => runs).toBe(1);
    cut(worker);
    // The work ends while there is nobody to tell.
    await expect.poll(() => lines.some((line) => line.includes('Trying again'))).toBe(true);
    gate.resolve();
    expect(await result(call)).toBe('done');
    expect(runs).toBe(1);
  });

  it('keeps its key in a file, and joins with a token from the environment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aip-agent-'));
    const keyFile = join(folder, 'worker.key');
    await gateway[Symbol.asyncDispose]();
    gateway = await startTestGateway({ joinToken: 'sesame' });
    process.env['AIP_JOIN_TOKEN'] = 'sesame';
    process.env['AIP_GATEWAY_URL'] = gateway.url;
    try {
      const agent = new Agent({ name: 'worker', keyFile, log: () => {} });
      agents.push(agent);
      await agent.start();
      expect(existsSync(keyFile)).toBe(true);
      expect(new Agent({ name: 'worker', keyFile }).did).toBe(agent.did);
    } finally {
      delete process.env['AIP_JOIN_TOKEN'];
      delete process.env['AIP_GATEWAY_URL'];
      rmSync(folder, { recursive: true });
    }
  });

  it('keeps knocking until it is admitted, and says why it has to', async () => {
    const { port } = gateway;
    await gateway[Symbol.asyncDispose]();
    gateway = await startTestGateway({ joinToken: 'sesame', port });
    const agent = new Agent({
      name: 'worker',
      key: generateKeyPair(),
      gateway: gateway.url,
      backoff: { min: 20, max: 20 },
      log: (line) => void lines.push(line),
    });
    agents.push(agent);
    const joined = agent.start();
    await expect.poll(() => lines.length).toBeGreaterThan(1);
    expect(lines[0]).toMatch(/not been admitted.*Trying again in 1 s/);
    await gateway[Symbol.asyncDispose]();
    gateway = await startTestGateway({ port });
    await joined;
    expect(lines.at(-1)).toMatch(/^connected as worker/);
  });

  it('gives up where trying again is of no use', async () => {
    const agent = new Agent({ name: 'x'.repeat(200), key: generateKeyPair(), gateway: gateway.url, log: () => {} });
    agents.push(agent);
    await expect(agent.start()).rejects.toMatchObject({ code: 'MALFORMED_MESSAGE' });
  });
});
