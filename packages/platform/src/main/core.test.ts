import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { oneShot } from '../exchange/index.ts';
import { data, text } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { createTelemetry } from '../telemetry/telemetry.ts';
import { loadConfig } from './config.ts';
import { openCore, type Core } from './core.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aip-core-'));
  folders.push(folder);
  return folder;
}

const open = (folder: string): Promise<Core> =>
  openCore({
    config: loadConfig({ env: {}, flags: { data_dir: folder }, cwd: folder }),
    log: () => {},
    telemetry: createTelemetry(),
    fetchFor: () => fetch,
  });

const admin = (core: Core) =>
  oneShot(
    { principal: core.exchange.authenticate({ kind: 'bearer', token: core.secrets.adminToken }), edge: 'http' },
    Date.now(),
  );

const writer: CatalogueEntry = {
  address: 'tool:notes/write',
  kind: 'tool',
  name: 'write',
  owner: 'notes',
  ownerName: 'notes',
  description: 'Writes a note.',
  effect: 'write',
  idempotent: false,
  price: 0,
  state: 'active',
};

function withTool(core: Core): { calls: number } {
  const seen = { calls: 0 };
  core.exchange.catalogue.put('notes', [writer]);
  core.exchange.routes.bind('notes', {
    reach: 'remote',
    async *deliver() {
      seen.calls++;
      yield { type: 'done', body: text('written') };
    },
  });
  return seen;
}

async function caller(core: Core) {
  const made = (await core.exchange.operate(admin(core), 'tokens.create', { name: 'alice', roles: ['caller'] })) as {
    token: string;
  };
  return oneShot(
    { principal: core.exchange.authenticate({ kind: 'bearer', token: made.token }), edge: 'http' },
    Date.now(),
  );
}

test('a write call of a caller waits for an operator, survives a restart, and runs once approved', async () => {
  const folder = newFolder();
  let taskId: string;
  {
    await using core = await open(folder);
    const seen = withTool(core);
    const alice = await caller(core);
    const call = await core.exchange.send(alice, {
      to: 'tool:notes/write',
      action: 'call',
      body: data({ text: 'hello' }),
    });
    expect(call.last).toMatchObject({ type: 'asked', state: 'auth_required' });
    const again = await core.exchange.send(alice, {
      to: 'tool:notes/write',
      action: 'call',
      body: data({ text: 'hello' }),
    });
    expect(again.taskId).toBe(call.taskId);
    expect(seen.calls).toBe(0);
    taskId = call.taskId;
  }
  await using core = await open(folder);
  const seen = withTool(core);
  core.recover();
  const { asks } = (await core.exchange.operate(admin(core), 'asks.list', {})) as {
    asks: { id: string; task: string }[];
  };
  expect(asks.map((ask) => ask.task)).toEqual([taskId]);
  await core.exchange.operate(admin(core), 'asks.answer', { ask: asks[0]!.id, verdict: 'approve' });
  const end = await core.exchange.call('default', taskId)!.ended;
  expect(end).toMatchObject({ type: 'done', state: 'completed' });
  expect(seen.calls).toBe(1);
  await expect(
    core.exchange.operate(admin(core), 'asks.answer', { ask: asks[0]!.id, verdict: 'approve' }),
  ).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a killed scope refuses until it is released, by the gate and by the commit', async () => {
  await using core = await open(newFolder());
  withTool(core);
  await core.exchange.operate(admin(core), 'kills.kill', { scope: 'server:notes', reason: 'test' });
  await expect(
    core.exchange.send(admin(core), { to: 'tool:notes/write', action: 'call', body: data({}) }),
  ).rejects.toMatchObject({ code: 'KILLED' });
  const proof = (await core.exchange.operate(admin(core), 'kills.proof', { scope: 'server:notes' })) as {
    accepted_since: number;
    refused_since: number;
  };
  expect(proof).toMatchObject({ accepted_since: 0, refused_since: 1 });
  await core.exchange.operate(admin(core), 'kills.release', { scope: 'server:notes', reason: 'over' });
  const call = await core.exchange.send(admin(core), { to: 'tool:notes/write', action: 'call', body: data({}) });
  expect(await call.ended).toMatchObject({ type: 'done' });
});

test('a global kill can be released, because control operations cross it', async () => {
  await using core = await open(newFolder());
  const alice = await caller(core);
  await core.exchange.operate(admin(core), 'kills.kill', { scope: 'global', reason: 'drill' });
  await expect(core.exchange.operate(alice, 'agents.list', {})).rejects.toMatchObject({ code: 'KILLED' });
  await core.exchange.operate(admin(core), 'kills.release', { scope: 'global', reason: 'over' });
  await expect(core.exchange.operate(admin(core), 'agents.list', {})).resolves.toMatchObject({ agents: [] });
});

test('a second platform on the same folder is refused with a clear message', async () => {
  const folder = newFolder();
  await using first = await open(folder);
  expect(first.exchange.live.size).toBe(0);
  await expect(open(folder)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a token that has been revoked, or never existed, is refused', async () => {
  await using core = await open(newFolder());
  const made = (await core.exchange.operate(admin(core), 'tokens.create', { name: 'bob' })) as {
    token: string;
    id: string;
  };
  expect(core.exchange.authenticate({ kind: 'bearer', token: made.token }).id).toBe('service:bob');
  await core.exchange.operate(admin(core), 'tokens.revoke', { id: made.id });
  expect(() => core.exchange.authenticate({ kind: 'bearer', token: made.token })).toThrow(
    /unknown, revoked or expired/,
  );
  const log = core.exchange.journal.read
    .entries('default', { from: 0, limit: 100 })
    .map((entry) => entry.text + (entry.body ?? ''))
    .join('\n');
  expect(log).not.toContain(made.token.split('_')[3]);
});
