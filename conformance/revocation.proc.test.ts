import { once } from 'node:events';
import { claim } from '@aip/conformance';
import { Agent, GatewayClient } from '@aip/sdk';
import { generateKeyPair, parseToken } from '@aip/wire';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredEntry } from '../packages/platform/src/kernel/journal.ts';
import { verifyFolder } from '../packages/platform/src/main/audit.ts';
import { until } from './fixtures/agent-process.ts';
import { readLog } from './fixtures/log.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

let platform: PlatformProcess;
let worker: Agent;
const workerKey = generateKeyPair();
/** Tasks that the worker has begun and does not end by itself. */
const begun: string[] = [];

beforeAll(async () => {
  platform = await startPlatformProcess();
  worker = new Agent({
    name: 'worker',
    gateway: socketUrl(),
    key: workerKey,
    joinToken: await platform.invitation('worker'),
    log: () => {},
    capabilities: {
      work: {
        async handler(_args, { signal }) {
          begun.push('work');
          if (!signal.aborted) await once(signal, 'abort');
        },
      },
    },
  });
  await worker.start();
}, 60_000);
afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await platform?.[Symbol.asyncDispose]();
});

const socketUrl = (): string => `${platform.url.replace('http', 'ws')}/ws`;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** An event stream over HTTP; resolves with everything that came before it ended. */
async function follow(token: string): Promise<{ readonly text: Promise<string> }> {
  const response = await fetch(`${platform.url}/v1/events`, { headers: bearer(token) });
  expect(response.status).toBe(200);
  const text = response.text();
  return { text };
}

/** A call of the worker that does not end by itself. */
async function startWork(token: string): Promise<{ readonly answer: Promise<{ status: number; body: unknown }> }> {
  const before = begun.length;
  const answer = fetch(`${platform.url}/v1/invoke`, {
    method: 'POST',
    headers: { ...bearer(token), 'content-type': 'application/json' },
    body: JSON.stringify({ to: 'skill:worker/work', arguments: {} }),
  }).then(async (response) => ({ status: response.status, body: await response.json() }));
  await until(() => begun.length > before, 10_000);
  return { answer };
}

async function openMcp(token: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: 'legacy' } });
  const init = { headers: bearer(token) };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${platform.url}/mcp`), { requestInit: init }));
  return client;
}

const entries = (): readonly StoredEntry[] => readLog(platform.folder).entries;
const revokedTasks = (): StoredEntry[] =>
  entries().filter(({ kind, head }) => kind === 'settle' && head['reason'] === 'revoked');

describe(`a token that is revoked ${claim('G-KILL.revoked')}`, () => {
  it('takes its event streams, MCP sessions and tasks along, and nobody else’s', async () => {
    const token = await platform.token('bob', ['caller', 'operator']);
    // A token of the same service, which stays.
    const other = await platform.token('bob', ['caller', 'operator']);
    const [own, others] = [await follow(token), await follow(other)];
    const mcp = await openMcp(token);
    const otherMcp = await openMcp(other);
    await mcp.listTools();
    const [work, otherWork] = [await startWork(token), await startWork(other)];

    const { id } = parseToken(token);
    await platform.admin.operate('tokens.revoke', { id });

    expect(await own.text).toMatch(/event: closed\ndata: .*"code":"UNAUTHENTICATED"/);
    expect(await work.answer).toMatchObject({ status: 499, body: { state: 'canceled', error: { code: 'CANCELED' } } });
    await expect(mcp.listTools()).rejects.toThrow();
    await until(() => revokedTasks().length === 1, 5_000);
    expect(revokedTasks()[0]?.head).toMatchObject({ type: 'canceled', state: 'canceled', reason: 'revoked' });
    expect(entries().find(({ kind }) => kind === 'token.revoke')?.head).toEqual({ id, by: 'user:admin' });

    expect((await otherMcp.listTools()).tools.length).toBeGreaterThan(0);
    await platform.admin.operate('tokens.revoke', { id: parseToken(other).id });
    expect(await others.text).toContain('UNAUTHENTICATED');
    expect(await otherWork.answer).toMatchObject({ status: 499 });
    await Promise.all([mcp.close(), otherMcp.close()]);
  }, 30_000);
});

describe(`an agent that is removed ${claim('G-KILL.revoked')}`, () => {
  it('loses its socket, what it works on, and what it has asked of others', async () => {
    const caller = await platform.token('alice', ['caller']);
    const client = new GatewayClient({ url: socketUrl(), backoff: { min: 50, max: 100 } });
    const closes: string[] = [];
    client.onStatus((status) => {
      if ('error' in status && status.error) closes.push(status.error.code);
    });
    await client.connect();
    await client.register({ name: 'asker', join_token: await platform.invitation('asker') });
    await platform.admin.operate('policies.connect', { from: 'asker', to: 'worker', protocol: 'ioap' });
    const before = begun.length;
    const asked = client
      .sendExecRequest(workerKey.did, { capability: 'work', args: {} })
      .catch((error: Error) => error);
    await until(() => begun.length > before, 10_000);
    const seen = revokedTasks().length;

    await platform.admin.operate('agents.remove', { agent: 'asker' });
    await until(() => closes.length > 0, 5_000);
    expect(closes[0]).toBe('NOT_ADMITTED');
    await until(() => revokedTasks().length === seen + 1, 5_000);
    // The client keeps its request for when it may come back.
    await client.disconnect();
    expect(await asked).toBeInstanceOf(Error);

    const work = await startWork(caller);
    await platform.admin.operate('agents.remove', { agent: 'worker' });
    expect(await work.answer).toMatchObject({ status: 499, body: { state: 'canceled' } });
    await until(() => revokedTasks().length === seen + 2, 5_000);
    expect((await verifyFolder(platform.folder)).map(({ problems }) => problems)).toEqual([[]]);
  }, 30_000);
});
