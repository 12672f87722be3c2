import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { AipError, exportSeed, generateKeyPair } from '@aip/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { officialClient, taskIn } from '../packages/platform/src/edges/a2a/testing.ts';
import { openPeer } from '../packages/platform/src/edges/ioap/testing.ts';
import { call } from './fixtures/a2a.ts';
import { startAgentProcess, until } from './fixtures/agent-process.ts';
import { aip, startPlatformProcess } from './fixtures/platform-process.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'aip-lifecycle-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const up = (...args: string[]) => aip(['up', '--port', '0', ...args], home);

describe(`what stands in the way of a start is said in a sentence, with a way out ${claim('D-CLI.up')}`, () => {
  /** One clear message, no ready line, no stack. */
  function expectRefusal({ code, stdout, stderr }: Awaited<ReturnType<typeof up>>, message: RegExp): void {
    expect(code).not.toBe(0);
    expect(code).not.toBeNull();
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at |node:internal/);
  }

  it('another platform on the same folder, which is left alone', async () => {
    await using platform = await startPlatformProcess();
    expectRefusal(
      await up('--data-dir', platform.folder),
      /Another platform already runs on the data folder .*Stop it first, or use another folder with --data-dir/,
    );
    expect(await platform.admin.operate('agents.list', {})).toMatchObject({ agents: [] });
  });

  it('a port that is taken, and the folder stays usable', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as AddressInfo;
    const folder = path.join(home, 'data');
    expectRefusal(
      await aip(['up', '--port', String(port), '--data-dir', folder], home),
      new RegExp(`Port ${port} on 127.0.0.1 is taken.*--port`),
    );
    squatter.close();
    await using platform = await startPlatformProcess({ folder });
    expect(await platform.admin.operate('agents.list', {})).toMatchObject({ agents: [] });
  });

  it('a file in the place of the data folder', async () => {
    const file = path.join(home, 'data');
    writeFileSync(file, 'mine');
    expectRefusal(await up('--data-dir', file), /The data folder .* cannot be used: .*--data-dir/);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('a folder below a file', async () => {
    writeFileSync(path.join(home, 'file'), 'mine');
    expectRefusal(
      await up('--data-dir', path.join(home, 'file', 'data')),
      /The data folder .* cannot be used: .*--data-dir/,
    );
  });

  it('a damaged key, which is never replaced', async () => {
    const folder = path.join(home, 'data');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'gateway.key'), 'damaged\n', { mode: 0o600 });
    expectRefusal(await up('--data-dir', folder), /gateway\.key does not hold a key; restore it from a backup/);
    expect(readFileSync(path.join(folder, 'gateway.key'), 'utf8')).toBe('damaged\n');
  });

  it('a log that is damaged', async () => {
    const folder = path.join(home, 'data');
    const before = await startPlatformProcess({ folder });
    await before.stop();
    writeFileSync(path.join(folder, 'aip.db'), 'this is no database, but it is long enough to look at'.repeat(100));
    expectRefusal(await up('--data-dir', folder), /The log .*aip\.db cannot be opened: .*restore it from a backup/);
  });

  it('settings that are wrong, all of them at once', async () => {
    writeFileSync(path.join(home, 'aip.yaml'), 'host: 7\nlog_level: chatty\nunknown_setting: 1\n');
    const refused = await up('--data-dir', path.join(home, 'data'));
    expectRefusal(refused, /host: .*\n.*log_level: /);
    expect(refused.stderr).toContain('unknown_setting');
  });
});

describe(`a broken policy file ${claim('G-POLICY.broken', 'G-POLICY.live')}`, () => {
  const BROKEN = '@id("half")\npermit (principal in Role::"caller", action == Action::"invoke"\n';
  const MENDED = '@id("all")\npermit (principal, action, resource);\n';

  it('lets the platform start, which then permits nothing but what an administrator needs to mend it', async () => {
    const folder = path.join(home, 'data');
    mkdirSync(path.join(folder, 'policies'), { recursive: true });
    writeFileSync(path.join(folder, 'policies', 'team.cedar'), BROKEN);
    await using platform = await startPlatformProcess({ folder });
    const caller = platform.client(await platform.token('caller'));
    const { admin } = platform;

    await expect(caller.invoke('agent:anybody')).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
    await expect(caller.operate('agents.list', {})).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('No valid policy is loaded'),
    });
    await expect(platform.client('nonsense').operate('agents.list', {})).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    // What the dashboard offers whoever has to mend it.
    expect((await admin.operate('platform.whoami', {})).operations).toContain('policies.list');
    const found = await admin.operate('policies.check', {});
    expect(found).toMatchObject({
      valid: false,
      errors: [{ file: 'team.cedar', line: expect.any(Number), column: expect.any(Number) }],
    });
    expect(await admin.operate('kills.kill', { scope: 'protocol:mcp', reason: 'it works' })).toMatchObject({
      durable: true,
    });
    await admin.operate('kills.release', { scope: 'protocol:mcp', reason: 'over' });
    expect(await aip(['policy', 'check', '--data-dir', folder, '--url', platform.url], home)).toMatchObject({
      stdout: expect.stringContaining('team.cedar:'),
    });

    platform.writePolicy('team.cedar', MENDED);
    await until(async () => (await admin.operate('policies.list', {})).error === undefined, 5_000);
    await using worker = await startAgentProcess(platform, { worker: ['work'] });
    expect(worker.dids).toHaveProperty('worker');
    expect(await caller.invoke('skill:worker/work', { key: 'mended' })).toEqual({ key: 'mended' });
  });

  it('does not take the place of the policies in force while the platform runs', async () => {
    await using platform = await startPlatformProcess();
    const caller = platform.client(await platform.token('caller'));
    platform.writePolicy('team.cedar', BROKEN);
    await until(async () => (await platform.admin.operate('policies.list', {})).error !== undefined, 5_000);
    expect(await caller.operate('agents.list', {})).toMatchObject({ agents: [] });
    expect(platform.stderr).toMatch(/policies on disk are invalid.*team\.cedar/);
  });
});

describe(`stopping and starting again ${claim('D-CLI.up')}`, () => {
  it('says on standard output where it is and how to log in, and nothing else', async () => {
    await using platform = await startPlatformProcess();
    expect(platform.stdout).toMatch(
      /^AIP ready on http:\/\/127\.0\.0\.1:\d+\n[^\n]*http:\/\/127\.0\.0\.1:\d+\/ui#login=\S+\n$/,
    );
    for (const page of ['healthz', 'readyz', 'version', 'metrics', 'health', 'openapi.json'])
      expect((await fetch(`${platform.url}/${page}`)).status).toBe(200);
  });

  it('SIGTERM ends it in less than five seconds, whatever is open', async () => {
    await using platform = await startPlatformProcess();
    await using worker = await startAgentProcess(platform, { worker: ['endless', 'work'] });
    const token = await platform.token('caller');
    const feed = await fetch(`${platform.url}/v1/events`, {
      headers: { authorization: `Bearer ${platform.adminToken}` },
    });
    const called = platform.client(token).stream('skill:worker/endless', { key: 'http' });
    await called.next();
    const a2a = await officialClient(platform.url, 'worker', token, 'JSONRPC');
    const stream = a2a.sendMessageStream(call('endless', { key: 'a2a' }));
    const { id } = taskIn((await stream.next()).value as never);
    const idle = await openPeer({ url: `${platform.url.replace('http', 'ws')}/ws`, did: platform.gateway });
    const blocking = fetch(`${platform.url}/v1/invoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ to: 'skill:worker/endless', arguments: { key: 'blocking' } }),
    }).then(async (answer) => ({ status: answer.status, ...((await answer.json()) as object) }));
    await until(() => worker.traces().filter(({ kind }) => kind === 'effect').length === 3, 5_000);

    const { code, took } = await platform.stop();
    expect(code).toBe(0);
    expect(took).toBeLessThan(5_000);
    const told = (await blocking) as { status: number; error: { code: string; details: { task: string } } };
    expect(told).toMatchObject({ status: 503, error: { code: 'SHUTTING_DOWN' } });
    expect(await idle.closed).toMatchObject({ code: 1012 });
    await feed.body?.cancel().catch(() => {});
    await called.return(undefined).catch(() => {});
    await stream.return(undefined).catch(() => {});

    // What could not end is not lost: nobody knows how far it came.
    await platform.restart();
    for (const task of [id, told.error.details.task])
      await until(async () => state(await platform.client(token).operate('tasks.get', { task })) === 'failed', 5_000);
    const { events } = (await platform.client(token).operate('tasks.get', { task: id })) as unknown as {
      events: { effect?: string }[];
    };
    expect(events.at(-1)?.effect).toBe('unknown');
  });

  it.each<[string, NodeJS.Signals[]]>([
    ['SIGTERM', ['SIGTERM']],
    ['Ctrl-C, which a terminal and npm both pass on,', ['SIGINT', 'SIGINT']],
  ])('%s lets a call that is under way come to its end', async (_name, signals) => {
    await using platform = await startPlatformProcess();
    await using worker = await startAgentProcess(platform, { worker: ['work'] });
    const result = platform
      .client(await platform.token('caller'))
      .invoke('skill:worker/work', { key: 'last', ms: 800 });
    await until(() => worker.traces().some(({ key }) => key === 'last'), 5_000);
    const { took } = await platform.stop(...signals);
    expect(await result).toEqual({ key: 'last' });
    expect(platform.stderr).toContain('Stopping; 1 call is under way, at most 3 s more.');
    expect(took).toBeGreaterThan(300);
    expect(took).toBeLessThan(5_000);
  });

  it('a second start keeps everything: agents, tokens, tasks, asks, budgets, kills, policies and the identity', async () => {
    await using platform = await startPlatformProcess();
    const token = await platform.token('caller');
    const { admin } = platform;
    await using workers = await startAgentProcess(platform, { worker: ['work', 'risky'], other: ['work'] });
    platform.writePolicy(
      'risky.cedar',
      '@id("ask")\n@approve("operators")\npermit (principal in Role::"caller", action == Action::"invoke", resource is Skill)\nwhen { resource.name == "risky" };\n',
    );
    await until(async () => JSON.stringify(await admin.operate('policies.list', {})).includes('"ask"'), 5_000);
    const done = await Array.fromAsync(platform.client(token).stream('skill:worker/work', { key: 'kept' }));
    const parked = platform.client(token).stream('skill:worker/risky', { key: 'asked' });
    const { value: asked } = await parked.next();
    await admin.operate('budgets.set', { principal: 'service:caller', per_day: 77 });
    await admin.operate('kills.kill', { scope: 'capability:forbidden', reason: 'kept' });
    await admin.operate('kills.pause', { scope: 'protocol:mcp', reason: 'kept too' });
    const before = await everything(platform);
    expect(await platform.stop()).toMatchObject({ code: 0 });

    await platform.restart();
    await until(
      async () => (await platform.admin.operate('agents.list', { state: 'connected' })).agents.length === 2,
      10_000,
    );
    expect(await everything(platform)).toEqual(before);
    const again = platform.client(token);
    const task = done[0]!.task;
    expect(state(await again.operate('tasks.get', { task }))).toBe('completed');
    expect(await Array.fromAsync(again.follow(task))).toEqual(done);
    const { asks } = (await platform.admin.operate('asks.list', {})) as unknown as {
      asks: { id: string; task: string }[];
    };
    expect(asks.map((ask) => ask.task)).toEqual([asked!.task]);
    await platform.admin.operate('asks.answer', { ask: asks[0]!.id, verdict: 'approve' });
    const rest = await Array.fromAsync(again.follow(asked!.task));
    expect(rest.at(-1)).toMatchObject({ type: 'done', value: { key: 'asked' } });
    await parked.return(undefined).catch(() => {});
    expect(
      workers
        .traces()
        .filter(({ kind }) => kind === 'effect')
        .map(({ key }) => key),
    ).toEqual(['kept', 'asked']);
  });

  async function everything({ admin, gateway }: Awaited<ReturnType<typeof startPlatformProcess>>) {
    const { agents } = (await admin.operate('agents.list', {})) as unknown as { agents: Record<string, unknown>[] };
    return {
      gateway,
      agents: agents.map(({ connected_at: _, last_activity: __, ...agent }) => agent),
      tokens: await admin.operate('tokens.list', {}),
      budgets: await admin.operate('budgets.list', {}),
      kills: await admin.operate('kills.list', {}),
      policies: await admin.operate('policies.list', {}),
      asks: await admin.operate('asks.list', { state: 'all' }),
    };
  }

  const state = (answer: { task: unknown }): string => (answer.task as { state: string }).state;
});

it(`keeps its secrets in files that only it can read, and says them nowhere ${claim('D-SECURE.secrets')}`, async () => {
  await using platform = await startPlatformProcess();
  const secrets: Record<string, string> = {
    admin: platform.adminToken,
    token: await platform.token('caller'),
    invitation: await platform.invitation('helper'),
  };
  const key = generateKeyPair();
  secrets['agent seed'] = exportSeed(key);
  // Used in right and wrong ways, so that whatever could be written down is.
  await platform.client(secrets['token']!).operate('agents.list', {});
  await expect(platform.client(`${secrets['token']}x`).operate('agents.list', {})).rejects.toThrow(AipError);
  await fetch(`${platform.url}/v1/agents/list?token=${secrets['token']}`);
  await fetch(`${platform.url}/nowhere/${secrets['admin']}`, {
    headers: { authorization: `Bearer ${secrets['admin']}` },
  });
  await fetch(`${platform.url}/v1/agents/invite`, {
    method: 'POST',
    body: `{"join_token": "${secrets['invitation']}"`,
    headers: { 'content-type': 'application/json' },
  });
  const peer = await openPeer({ url: `${platform.url.replace('http', 'ws')}/ws`, did: platform.gateway }, key);
  await peer.register({ name: 'helper', join_token: secrets['invitation']! });
  const unused = await platform.invitation('nobody');
  secrets['unused invitation'] = unused;
  for (const [name, file] of [
    ['gateway seed', 'gateway.key'],
    ['pepper', 'pepper.key'],
  ] as const)
    secrets[name] = readFileSync(path.join(platform.folder, file), 'utf8').trim();
  peer.socket.terminate();
  await platform.stop();

  expect(statSync(platform.folder).mode & 0o777).toBe(0o700);
  for (const file of ['gateway.key', 'pepper.key', 'admin.token'])
    expect([file, statSync(path.join(platform.folder, file)).mode & 0o777]).toEqual([file, 0o600]);

  const said = {
    stdout: platform.stdout,
    stderr: platform.stderr,
    ...contents(platform.folder, ['gateway.key', 'pepper.key', 'admin.token']),
  };
  const leaks = Object.entries(said).flatMap(([where, text]) =>
    Object.entries(secrets)
      .filter(([, secret]) => text.includes(secretPart(secret)))
      .map(([name]) => `${name} in ${where}`),
  );
  expect(leaks).toEqual([]);
});

/** The part of a token that is secret: its last one. */
const secretPart = (secret: string): string =>
  secret.startsWith('aip_') ? secret.slice(secret.lastIndexOf('_') + 1) : secret;

function contents(folder: string, except: readonly string[]): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !except.includes(entry.name),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [name, readFileSync(path.join(parentPath, name), 'latin1')]),
  );
}
