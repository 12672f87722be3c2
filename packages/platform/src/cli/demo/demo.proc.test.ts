import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { AipClient } from '@aip/sdk';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

/** The demonstrations as a user runs them: the command, real processes, nothing mocked. */
const AIP = path.resolve(import.meta.dirname, '../../../bin/aip.mjs');
const folder = mkdtempSync(path.join(tmpdir(), 'aip-demo-'));
const running: ChildProcess[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function aip(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [AIP, ...args], {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
  });
}

async function output(child: ChildProcess): Promise<{ code: number; text: string }> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number];
  // Lines that were broken to fit are whole again.
  return { code, text: text.replaceAll(/\n {2,}(?=\S)/g, ' ') };
}

/** What a demonstration could leave on a platform. */
async function traces(url: string) {
  const token = readFileSync(path.join(folder, 'data', 'admin.token'), 'utf8').trim();
  const client = new AipClient({ url, token });
  const [{ agents }, { kills }, { servers }, { budgets }, { tools }, { asks }] = (await Promise.all([
    client.operate('agents.list', {}),
    client.operate('kills.list', {}),
    client.operate('mcp.list', {}),
    client.operate('budgets.list', {}),
    client.operate('mcp.pins', {}),
    client.operate('asks.list', {}),
  ])) as unknown as [
    { agents: { name: string; state: string }[] },
    { kills: unknown[] },
    { servers: { name: string }[] },
    { budgets: unknown[] },
    { tools: unknown[] },
    { asks: unknown[] },
  ];
  return {
    agents: agents.map(({ name }) => name),
    connected: agents.filter(({ state }) => state === 'connected').length,
    kills,
    servers: servers.map(({ name }) => name),
    budgets,
    pins: tools,
    asks,
    keys: existsSync(path.join(folder, 'data', 'demo')),
    policies: readdirSync(path.join(folder, 'data', 'policies')).toSorted(),
  };
}

const CLEAN = {
  agents: [],
  connected: 0,
  kills: [],
  servers: [],
  budgets: [],
  pins: [],
  asks: [],
  keys: false,
  policies: ['starter.cedar'],
};

describe('the main job, as commands', () => {
  it(`aip demo runaway: budget, approval, kill and its proof ${claim('G-KILL', 'G-APPROVE', 'E-BUDGET')}`, async () => {
    const platform = aip(['up', '--port', '0', '--data-dir', path.join(folder, 'data')], { AIP_LOG_LEVEL: 'error' });
    running.push(platform);
    const [line] = (await once(platform.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const url = /AIP ready on (http:\/\/127\.0\.0\.1:\d+)/.exec(line.toString())?.[1] as string;
    const { code, text } = await output(
      aip(['demo', 'runaway', '--auto', '--url', url, '--data-dir', path.join(folder, 'data')]),
    );
    expect(text).toMatch(/spent \d+ of 100 units/);
    expect(text).toContain('BUDGET_EXCEEDED');
    expect(text).toContain('Parked for approval: researcher wants to call notes/write_note');
    expect(text).toMatch(/The next call: KILLED/);
    expect(text).toMatch(
      /last message accepted at T[-+][\d.]+ (?:ms|s|min) \(entry #\d+\); kill received at T, entry #\d+; 0 accepted since/,
    );
    expect(text).toMatch(/aip audit verify: passes, \d+ entries/);
    expect(text).toMatch(/With one byte flipped in a copy: entry \d+ has been changed/);
    expect(text).toMatch(/Cleaned up: .*\n$/);
    expect(code).toBe(0);
    expect(await traces(url)).toEqual(CLEAN);
  });

  it('a demonstration that is broken off, or was killed, leaves nothing behind either', async () => {
    const platform = aip(['up', '--port', '0', '--data-dir', path.join(folder, 'data')], { AIP_LOG_LEVEL: 'error' });
    running.push(platform);
    const [line] = (await once(platform.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const url = /AIP ready on (http:\/\/127\.0\.0\.1:\d+)/.exec(line.toString())?.[1] as string;
    const show = async (signal: NodeJS.Signals): Promise<string> => {
      const demo = aip(['demo', 'runaway', '--auto', '--data-dir', path.join(folder, 'data')]);
      const ended = output(demo);
      await new Promise<void>((resolve) => {
        demo.stdout?.on('data', (chunk: Buffer) => chunk.includes('On stage') && resolve());
      });
      expect(await traces(url)).toMatchObject({ servers: ['notes'], policies: ['demo.cedar', 'starter.cedar'] });
      demo.kill(signal);
      return (await ended).text;
    };
    expect(await show('SIGINT')).toMatch(/Broken off; cleaning up\.[^]*Cleaned up/);
    expect(await traces(url)).toEqual(CLEAN);
    // After a kill -9 the next one clears the stage.
    await show('SIGKILL');
    expect((await traces(url)).agents).toHaveLength(2);
    // Nobody is left to end its agents, so they end by themselves.
    await expect.poll(async () => (await traces(url)).connected, { timeout: 10_000 }).toBe(0);
    expect(await show('SIGTERM')).toContain('Cleaned up');
    expect(await traces(url)).toEqual(CLEAN);
    // What somebody else has under one of its names is not touched.
    const data = ['--data-dir', path.join(folder, 'data')];
    const did = 'did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH';
    await output(aip(['agent', 'admit', did, '--name', 'researcher', ...data]));
    const refused = await output(aip(['demo', 'runaway', '--auto', ...data]));
    expect(refused.text).toContain('researcher is somebody else’s');
    expect(await traces(url)).toEqual({ ...CLEAN, agents: ['researcher'] });
    await output(aip(['agent', 'remove', did, ...data]));
  });

  it(`aip demo crash: the same task, no step twice, the approval still there ${claim('O-EXEC')}`, async () => {
    const before = new Set(readdirSync(tmpdir()));
    const { code, text } = await output(aip(['demo', 'crash']));
    expect(text).toContain('The approval is still there.');
    expect(text).toContain('has ended: completed');
    expect(text).toContain('Effects on record: step 1 executed, step 2 executed.');
    expect(text).toContain('aip audit verify: passes');
    expect(code).toBe(0);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('aip-crash-') && !before.has(name))).toEqual([]);
  });
});
