import { setTimeout as delay } from 'node:timers/promises';
import { call } from '../conformance/fixtures/a2a.ts';
import { startAgentProcess } from '../conformance/fixtures/agent-process.ts';
import { openSession } from '../conformance/fixtures/mcp-session.ts';
import type { PlatformProcess } from '../conformance/fixtures/platform-process.ts';
import { officialClient } from '../packages/platform/src/edges/a2a/testing.ts';
import { AipError, type AipClient } from '../packages/sdk/src/index.ts';
import { startTarget } from './targets/start.ts';

/** Everybody who uses the platform of a soak, each in a loop of its own. */
export interface Actors {
  /** What they have asked for since they started. */
  calls(): number;
  /** How it ended, by who asked. */
  outcomes(): Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** No more requests; resolves when the last one has its answer. */
  stop(): Promise<void>;
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'soak', version: '1' },
};

/** @param label distinguishes what they create from what others have created */
export async function startActors(platform: PlatformProcess, label: string): Promise<Actors> {
  const { url, admin } = platform;
  const stopped = new AbortController();
  const outcomes: Record<string, Record<string, number>> = {};
  let calls = 0;
  const token = await platform.token(`caller-${label}`);
  const caller = platform.client(token);
  const agents = await startAgentProcess(platform, { [`helper-${label}`]: ['work', 'pieces', 'endless'] });
  const skill = (name: string): string => `skill:helper-${label}/${name}`;
  const added = await startTarget<{ url: string }>('servers/mcp-sdk.ts');
  const a2a = await officialClient(url, `helper-${label}`, token, 'JSONRPC');

  function note(actor: string, outcome: string): void {
    const own = (outcomes[actor] ??= {});
    own[outcome] = (own[outcome] ?? 0) + 1;
  }

  /** One actor: acts, pauses so many milliseconds, acts again. */
  async function loop(actor: string, pause: number, act: (n: number) => Promise<unknown>): Promise<void> {
    for (let n = 0; !stopped.signal.aborted; n++) {
      calls++;
      await act(n).then(
        () => note(actor, 'ok'),
        (error: unknown) => note(actor, error instanceof AipError ? error.code : String(error).slice(0, 90)),
      );
      await delay(pause, undefined, { signal: stopped.signal }).catch(() => {});
    }
  }

  async function modern(method: string, params: object, name?: string, signal?: AbortSignal): Promise<Response> {
    return fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...(name === undefined ? {} : { 'mcp-name': name }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: META } }),
      ...(signal ? { signal } : {}),
    });
  }

  async function tool(name: string, args: object): Promise<void> {
    const text = await (await modern('tools/call', { name, arguments: args }, name)).text();
    const refused = /"aip\/error":\{"code":"(\w+)"/.exec(text)?.[1] ?? /"error":\{"code":(-\d+)/.exec(text)?.[1];
    if (refused !== undefined) throw new Error(refused);
  }

  /** A session that is used a little and then left, in one of the ways that clients leave. */
  async function session(n: number): Promise<void> {
    const askable = n % 3 === 0;
    const opened = await openSession(`${url}/mcp`, token, askable ? { elicitation: {}, sampling: {} } : {});
    await opened.request('tools/list');
    const drop = n % 4 === 0 ? await opened.listen() : undefined;
    await opened.request('tools/call', { name: 'everything_echo', arguments: { message: `hello ${n}` } });
    drop?.();
    if (n % 5 === 0) await opened.end();
  }

  /** Reads a stream for a moment and vanishes. */
  async function glance(path: string, client: string): Promise<void> {
    const gone = new AbortController();
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${client}` }, signal: gone.signal });
    await response.body?.getReader().read();
    gone.abort();
  }

  async function follow(client: AipClient): Promise<void> {
    // Leaving the loop drops the connection.
    for await (const { type } of client.stream(skill('pieces'), { key: 'k', ms: 30 })) if (type === 'output') return;
  }

  async function abandonEndless(): Promise<void> {
    const gone = AbortSignal.timeout(300);
    await caller.invoke(skill('endless'), { key: 'k' }, { signal: gone, timeout: 2_000 }).catch(() => {});
  }

  async function passingToken(n: number): Promise<void> {
    const made = await admin.operate('tokens.create', { name: `passing-${label}-${n}`, roles: ['caller'] });
    await platform.client(made.token).operate('catalogue.list', {});
    await openSession(`${url}/mcp`, made.token);
    await admin.operate('tokens.revoke', { id: made.id });
  }

  async function passingServer(n: number): Promise<void> {
    const name = `passing-${n % 5}`;
    await admin.operate('mcp.add', { name, url: `${added.url}/mcp` });
    await delay(300);
    await tool(`${name}_echo`, { text: 'hello' });
    await admin.operate('mcp.remove', { name });
  }

  async function kill(): Promise<void> {
    const { servers } = await admin.operate('mcp.list', {});
    const pid = servers.find(({ name }) => name === 'fragile')?.pid;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }

  async function listen(): Promise<void> {
    const gone = new AbortController();
    const filter = { notifications: { toolsListChanged: true } };
    const response = await modern('subscriptions/listen', filter, undefined, gone.signal);
    await response.body?.getReader().read();
    gone.abort();
  }

  async function passingAgent(n: number): Promise<void> {
    const passing = await startAgentProcess(platform, { [`passing-${label}-${n}`]: ['work'] });
    await caller.invoke(`skill:passing-${label}-${n}/work`, { key: 'k' });
    await passing[Symbol.asyncDispose]();
    await admin.operate('agents.remove', { agent: Object.values(passing.dids)[0] ?? '' });
  }

  const running = [
    loop('mcp', 5, () => tool('everything_echo', { message: 'hello' })),
    loop('mcp read', 20, async () => (await modern('tools/list', {})).text()),
    loop('mcp fragile', 50, () => tool('fragile_echo', { message: 'hello' })),
    loop('mcp killer', 5_000, kill),
    loop('mcp denied', 50, () => tool('everything_get-env', {})),
    loop('mcp unknown', 200, () => tool('nobody_nothing', {})),
    loop('mcp listener', 200, listen),
    loop('mcp session', 100, session),
    loop('parked', 150, () => caller.invoke('tool:everything/get-tiny-image', {})),
    loop('a2a', 20, (n) => a2a.sendMessage(call('work', { key: `${label}-${n}` }))),
    loop('a2a stream', 100, async () => {
      for await (const _ of a2a.sendMessageStream(call('pieces', { key: 'k', ms: 10 }))) break;
    }),
    loop('http', 20, (n) =>
      caller.invoke(skill('work'), { key: `${n >> 1}` }, { idempotencyKey: `${label}-${n >> 1}` }),
    ),
    loop('http follower', 100, () => follow(caller)),
    loop('http endless', 400, abandonEndless),
    loop('live feed', 300, () => glance('/v1/events', platform.adminToken)),
    loop('tokens', 500, passingToken),
    loop('servers', 1_000, passingServer),
    loop('agents', 5_000, passingAgent),
    loop('metrics', 1_000, async () => (await fetch(`${url}/metrics`)).text()),
  ];

  return {
    calls: () => calls,
    outcomes: () => outcomes,
    async stop() {
      stopped.abort();
      await Promise.all(running);
      await agents[Symbol.asyncDispose]();
    },
  };
}
