import { formatSSEEvent, type AgentCard } from '@a2a-js/sdk';
import {
  AgentEvent,
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
  type AgentExecutor,
} from '@a2a-js/sdk/server';
import { claim } from '@aip/conformance';
import { generateKeyPair, signCard, type JsonObject } from '@aip/wire';
import Fastify from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { oneShot, outcomeOf, type Exchange } from '../../exchange/index.ts';
import { createTestExchange } from '../../exchange/testing.ts';
import { partsOf, text, textOf } from '../../kernel/body.ts';
import type { TaskEvent } from '../../kernel/task.ts';
import { connectRemoteAgent, type RemoteConnection } from './index.ts';
import { startGateway } from './testing.ts';

/** A remote agent built with the official server, called through the exchange. */

const part = (value: string) => ({
  content: { $case: 'text' as const, value },
  metadata: undefined,
  filename: '',
  mediaType: '',
});
const canceled = new Map<string, () => void>();

const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const place = { taskId, contextId };
    const said = userMessage.parts.map(({ content }) => (content?.$case === 'text' ? content.value : '')).join('');
    const message = (words: string) => ({
      ...place,
      messageId: crypto.randomUUID(),
      role: 2,
      parts: [part(words)],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    });
    const status = (state: number, words?: string): void =>
      bus.publish(
        AgentEvent.statusUpdate({
          ...place,
          metadata: undefined,
          status: {
            state,
            timestamp: new Date().toISOString(),
            message: words === undefined ? undefined : message(words),
          },
        }),
      );
    if (said === 'message') {
      bus.publish(AgentEvent.message(message(`skill ${String(userMessage.metadata?.['aip.skill'])}`)));
      return;
    }
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
        status: { state: 1, message: undefined, timestamp: new Date().toISOString() },
      }),
    );
    if (said === 'fail') return status(4, 'out of paper');
    if (said === 'ask') return status(6, 'Which colour?');
    status(2, 'at work');
    if (said === 'wait') {
      await new Promise<void>((resolve) => canceled.set(taskId, resolve));
      return status(5, 'stopped');
    }
    for (const [index, piece] of ['Once ', 'upon'].entries()) {
      bus.publish(
        AgentEvent.artifactUpdate({
          ...place,
          append: index > 0,
          lastChunk: index > 0,
          metadata: undefined,
          artifact: {
            artifactId: 'story',
            name: '',
            description: '',
            parts: [part(piece)],
            metadata: undefined,
            extensions: [],
          },
        }),
      );
    }
    status(3);
  },
  async cancelTask(taskId) {
    canceled.get(taskId)?.();
  },
};

let base: string;
let exchange: Exchange;
let close: () => Promise<void>;
const keys = generateKeyPair();
const conversationKey = new Uint8Array(32);
const cards: Record<string, JsonObject> = {};
let connection: RemoteConnection | undefined;

const capabilities = { streaming: true };
const cardAt = (url: string) => ({
  name: 'writer',
  description: 'Writes.',
  version: '1',
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  capabilities,
  skills: [{ id: 'write', name: 'Write', description: 'Writes a story.', tags: ['text'] }],
});

beforeAll(async () => {
  const handler = new JsonRpcTransportHandler(
    new DefaultRequestHandler({ capabilities } as unknown as AgentCard, new InMemoryTaskStore(), executor),
  );
  const app = Fastify();
  app.post('/rpc', async (request, reply) => {
    const answer = await handler.handle(request.body as JsonObject, new ServerCallContext({ requestedVersion: '1.0' }));
    if (!(Symbol.asyncIterator in answer)) return answer;
    reply.hijack().raw.writeHead(200, { 'content-type': 'text/event-stream' });
    for await (const event of answer) reply.raw.write(formatSSEEvent(event));
    return reply.raw.end();
  });
  app.get<{ Params: { card: string } }>(
    '/:card/.well-known/agent-card.json',
    async (request, reply) => cards[request.params.card] ?? reply.code(404).send(),
  );
  base = await app.listen({ port: 0, host: '127.0.0.1' });

  const card = cardAt(`${base}/rpc`);
  cards['plain'] = card;
  cards['signed'] = signCard(card, keys);
  cards['forged'] = { ...cards['signed'], description: 'Something else.' };
  cards['foreign'] = {
    ...card,
    signatures: [
      {
        protected: Buffer.from('{"alg":"ES256","kid":"their-key","typ":"JOSE"}').toString('base64url'),
        signature: 'AAAA',
      },
    ],
  };

  const made = await createTestExchange();
  exchange = made.exchange;
  close = async () => {
    app.server.closeAllConnections();
    await app.close();
    await made[Symbol.asyncDispose]();
  };
});
afterAll(() => close());
afterEach(() => connection?.close());

const caller = () =>
  oneShot(
    { principal: exchange.authenticate({ kind: 'bearer', token: 'alice' }), edge: 'http', accepts: { input: true } },
    Date.now(),
  );

async function connected(card = 'signed'): Promise<void> {
  connection = connectRemoteAgent(exchange, { name: 'writer', conversationKey, url: `${base}/${card}` });
  await connection.ready;
}

const call = (words: string, to: 'agent:writer' | 'skill:writer/write' = 'agent:writer') =>
  exchange.send(caller(), { to, action: 'invoke', body: text(words) });

describe(`a remote A2A agent ${claim('P-A2A.client')}`, () => {
  it('is listed with its skills once its card has been verified', async () => {
    await connected();
    expect(exchange.catalogue.list({ owner: 'writer' })).toMatchObject([
      { address: 'agent:writer', description: 'Writes.', state: 'active', effect: 'external' },
      { address: 'skill:writer/write', title: 'Write', description: 'Writes a story.', tags: ['text'] },
    ]);
    connection?.close();
    expect(exchange.catalogue.list({ owner: 'writer' })).toEqual([]);
  });

  it('is called, and its artifacts are the output and the result', async () => {
    await connected();
    const running = await call('story');
    const events: TaskEvent[] = [];
    for await (const event of running.events()) events.push(event);
    expect(events.map((event) => event.type)).toEqual(['submitted', 'working', 'output', 'output', 'done']);
    const outcome = outcomeOf(await running.ended);
    expect(outcome.ok && partsOf(outcome.body).map((piece) => piece.text)).toEqual(['Once ', 'upon']);
  });

  it('answers with a message, and is told the skill', async () => {
    await connected();
    const outcome = outcomeOf(await (await call('message', 'skill:writer/write')).ended);
    expect(outcome.ok && textOf(outcome.body)).toBe('skill write');
  });

  it('asks its caller and goes on with the answer', async () => {
    await connected();
    const running = await call('ask');
    for await (const event of running.events()) {
      if (event.type !== 'asked') continue;
      expect(event.ask.body).toEqual({ message: 'Which colour?' });
      await exchange.answer(caller(), running.taskId, event.ask.id, text('red'));
    }
    expect(outcomeOf(await running.ended)).toMatchObject({ ok: true });
  });

  it('is canceled with the call', async () => {
    await connected();
    const running = await call('wait');
    for await (const event of running.events()) if (event.type === 'working') break;
    running.cancel('caller');
    expect(await running.ended).toMatchObject({ type: 'canceled', reason: 'caller' });
    expect(canceled.size).toBe(1);
  });

  it('fails with its own words', async () => {
    await connected();
    expect(outcomeOf(await (await call('fail')).ended)).toMatchObject({
      ok: false,
      error: { code: 'UPSTREAM_FAILED', message: 'out of paper' },
    });
  });

  it.each([
    ['a forged card', 'forged', undefined, 'INVALID_SIGNATURE'],
    ['an unsigned card where a signature is required', 'plain', keys.did, 'INVALID_SIGNATURE'],
    ['a card signed by somebody else', 'signed', generateKeyPair().did, 'INVALID_SIGNATURE'],
    ['no card', 'nothing', undefined, 'AGENT_UNAVAILABLE'],
  ])('is not called on %s', async (_what, card, did, code) => {
    const failure = await new Promise((resolve) => {
      connection = connectRemoteAgent(
        exchange,
        { name: 'writer', conversationKey, url: `${base}/${card}`, ...(did === undefined ? {} : { did }) },
        resolve,
      );
    });
    expect(failure).toMatchObject({ code });
    expect(exchange.catalogue.get('agent:writer')?.state).toBe('offline');
    await expect(call('story')).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
  });

  it('is called on a card signed by a key that cannot be looked up here: it counts as unsigned', async () => {
    await connected('foreign');
    expect(outcomeOf(await (await call('story')).ended)).toMatchObject({ ok: true });
  });

  it('gets its credentials at its own origin only', async () => {
    const seen: [string, string | null][] = [];
    const spy: typeof fetch = (input, init) => {
      const { origin } = new URL(input instanceof Request ? input.url : input);
      seen.push([origin, new Headers(init?.headers).get('authorization')]);
      return fetch(input, init);
    };
    const elsewhere = base.replace('127.0.0.1', 'localhost');
    connection = connectRemoteAgent(exchange, {
      conversationKey,
      name: 'writer',
      url: `${elsewhere}/plain`,
      headers: async () => ({ values: { authorization: 'Bearer secret' }, secrets: [] }),
      fetch: spy,
    });
    await connection.ready;
    await (
      await call('story')
    ).ended;
    expect(new Set(seen.map(String))).toEqual(
      new Set(
        [
          [elsewhere, 'Bearer secret'],
          [base, null],
        ].map(String),
      ),
    );
  });

  it(`keeps each caller’s conversations to that caller, who sees its own name for them ${claim('P-A2A.conversations')}`, async () => {
    await using gateway = await startGateway();
    const sent: { contextId?: string; metadata?: JsonObject; parts: { metadata?: JsonObject }[] }[] = [];
    const spy: typeof fetch = (input, init) => {
      if (typeof init?.body === 'string') sent.push(JSON.parse(init.body).params.message);
      return fetch(input, init);
    };
    connection = connectRemoteAgent(gateway.exchange, {
      conversationKey,
      name: 'writer',
      url: `${base}/plain`,
      fetch: spy,
    });
    await connection.ready;
    const say = async (token: string, contextId: string, metadata: JsonObject = {}) => {
      const message = { messageId: crypto.randomUUID(), role: 'ROLE_USER', contextId, metadata };
      const response = await fetch(`${gateway.url}/a2a/writer/message:send`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'a2a-version': '1.0', 'content-type': 'application/json' },
        body: JSON.stringify({ message: { ...message, parts: [{ text: 'story', metadata }] } }),
      });
      const { task } = (await response.json()) as { task: { contextId: string } };
      expect(task.contextId).toBe(contextId);
      expect(JSON.stringify(task)).not.toContain(sent.at(-1)!.contextId);
      return sent.at(-1)!;
    };
    const [first, again] = [await say('alice', 'ctx'), await say('alice', 'ctx')];
    expect(again.contextId).toBe(first.contextId);
    const others = [await say('alice', 'other'), await say('mallory', 'ctx'), await say('mallory', first.contextId!)];
    expect(new Set([first, ...others].map(({ contextId }) => contextId)).size).toBe(4);
    expect(JSON.stringify(sent)).not.toMatch(/ctx|alice|mallory|other/);
    const { metadata, parts } = await say('alice', 'ctx', {
      authorization: 'Bearer mine',
      nested: { token: 't', note: 'n' },
      'aip.skill': 'write',
      'aip.note': 'ours',
      skill: 'burn',
      header: 'Basic abc',
    });
    expect(metadata).toEqual({ nested: { note: 'n' }, 'aip.skill': 'write' });
    expect(JSON.stringify(parts)).not.toMatch(/mine|"t"|Basic/);
  });

  it('may be another gateway', async () => {
    await using other = await startGateway();
    await other.agent('far', [{ name: 'greet' }], async function* ({ message }) {
      yield { type: 'output', artifactId: 'g', body: text(`hello ${textOf(message.body)}`) };
      yield { type: 'done', body: text(`hello ${textOf(message.body)}`) };
    });
    connection = connectRemoteAgent(exchange, {
      conversationKey,
      name: 'writer',
      url: `${other.url}/a2a/far`,
      headers: async () => ({ values: { authorization: 'Bearer us' }, secrets: [] }),
    });
    await connection.ready;
    const outcome = outcomeOf(
      await (
        await exchange.send(caller(), { to: 'skill:writer/greet', action: 'invoke', body: text('you') })
      ).ended,
    );
    expect(outcome.ok && textOf(outcome.body)).toBe('hello you');
  });
});
