import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchBrowser } from './browser.testing.ts';

const ROOT = path.join(import.meta.dirname, '../../..');

let browser: Browser;
let folder: string;
let processes: ChildProcess[];

beforeAll(async () => void (browser = await launchBrowser()));
afterAll(() => browser.close());
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'aip-dashboard-'));
  processes = [];
});
afterEach(async () => {
  await Promise.all(processes.map(stop));
  rmSync(folder, { recursive: true });
});

interface Platform {
  readonly url: string;
  readonly loginUrl: string;
  readonly process: ChildProcess;
}

/** The platform as a user starts it. */
async function startPlatform(): Promise<Platform> {
  const child = spawn(
    process.execPath,
    [
      path.join(ROOT, 'packages/platform/bin/aip.mjs'),
      'up',
      '--port',
      '0',
      '--data-dir',
      folder,
      '--log-level',
      'silent',
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  processes.push(child);
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    const [loginUrl] = /http:\S+#login=\S+/.exec(said) ?? [];
    if (loginUrl !== undefined) return { loginUrl, url: new URL(loginUrl).origin, process: child };
  }
  throw new Error(`The platform did not start: ${said}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill();
  await exited;
}

async function post(
  platform: Platform,
  where: string,
  body: JsonObject,
): Promise<{ status: number; answer: JsonObject }> {
  const token = readFileSync(path.join(folder, 'admin.token'), 'utf8').trim();
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${platform.url}/v1/${where}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as JsonObject };
}

/** The echo agent of the examples, as a process of its own. */
async function startEcho(platform: Platform): Promise<void> {
  const { answer } = await post(platform, 'agents/invite', { name: 'echo' });
  const env = {
    ...process.env,
    AIP_GATEWAY_URL: `${platform.url.replace('http', 'ws')}/ws`,
    AIP_JOIN_TOKEN: answer['join_token'] as string,
  };
  processes.push(
    spawn(process.execPath, [path.join(ROOT, 'examples/echo-agent.ts')], { cwd: folder, env, stdio: 'ignore' }),
  );
}

const echo = (platform: Platform) => post(platform, 'invoke', { to: 'skill:echo/echo', arguments: { text: 'hello' } });

async function open(platform: Platform): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(platform.loginUrl);
  await page.getByText('Live', { exact: true }).waitFor();
  return page;
}

test(`a real agent is seen at work, killed with proof, and the log is verified, until a byte of it is flipped ${claim('T-DASH')}`, async () => {
  const first = await startPlatform();
  let page = await open(first);
  await page.getByRole('link', { name: 'No agent connected' }).waitFor();

  await startEcho(first);
  await page.getByRole('link', { name: '1 agent connected' }).waitFor();
  expect((await echo(first)).answer).toMatchObject({ state: 'completed', result: 'hello' });
  const row = page.locator('.messages tbody tr').first();
  await row.getByText('completed').waitFor();
  expect(await row.innerText()).toMatch(/admin → echo echo.*HTTP/s);

  await page.getByRole('button', { name: 'Kill…' }).click();
  await page.getByRole('button', { name: 'Kill everything' }).click();
  const card = page.getByRole('article', { name: 'Everything' });
  await card.getByText('0 accepted since.').waitFor();
  expect(await echo(first)).toMatchObject({ status: 403, answer: { error: { code: 'KILLED' } } });
  await card.getByText(/[1-9]\d* calls? refused since\./).waitFor();
  expect(await card.innerText()).toMatch(/Last message accepted at T − [\d,]+ ms, entry #\d+\./);

  await verify(page);
  await page.getByText(/^Intact\..*1 stop on record, 0 messages accepted under any of them\./).waitFor();

  await page.close();
  await stop(first.process);
  const seq = flipByte();
  page = await open(await startPlatform());
  // What was stopped is still stopped, and the dashboard works all the same.
  await page.getByRole('heading', { name: /^Everything is stopped since/ }).waitFor();
  await verify(page);
  await page.getByText(`Not intact. Entry ${seq} was changed: its text does not hash to its leaf.`).waitFor();
  await page.close();
});

test(`an operator logs in with a token, tries a real tool, and a colleague approves what it writes ${claim('T-DASH')}`, async () => {
  const platform = await startPlatform();
  const notes = spawn(process.execPath, [path.join(ROOT, 'packages/platform/src/cli/demo/notes-server.ts')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  processes.push(notes);
  const [line] = (await once(notes.stdout, 'data')) as [Buffer];
  const effects = { search_notes: 'read', write_note: 'write' };
  await post(platform, 'mcp/add', { name: 'notes', url: String(line).trim(), effects });
  const { answer } = await post(platform, 'tokens/create', { name: 'olga', roles: ['operator', 'caller'] });
  const login = await fetch(`${platform.url}/v1/logins/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${answer['token'] as string}` },
    body: '{}',
  });
  const { code } = (await login.json()) as { code: string };
  const page = await open({ ...platform, loginUrl: `${platform.url}/ui#login=${code}` });
  await page.getByText('as olga').waitFor();

  await page.getByRole('link', { name: 'Servers', exact: true }).click();
  await page.getByRole('link', { name: 'notes', exact: true }).click();
  await page.locator('.tool', { hasText: 'search_notes' }).getByText('pinned').waitFor();
  await page.getByRole('link', { name: 'search_notes' }).click();
  const outcome = page.locator('.outcome');
  await page.getByLabel('word').fill('welcome');
  await page.getByRole('button', { name: 'Call search_notes' }).click();
  await outcome.getByText('Agents read and write notes here.').waitFor();
  await outcome.getByText('callers-call-reading-tools').waitFor();
  await outcome.getByRole('link', { name: /settle$/ }).waitFor();

  await page.getByRole('link', { name: 'write_note' }).click();
  await page.getByLabel('title').fill('from the dashboard');
  await page.getByLabel('text').fill('hello');
  await page.getByRole('button', { name: 'Call write_note' }).click();
  await outcome.getByRole('link', { name: 'Open the approval' }).waitFor();
  const { asks } = (await post(platform, 'asks/list', {})).answer as { asks: { id: string }[] };
  await post(platform, 'asks/answer', { ask: asks[0]?.id ?? '', verdict: 'approve' });
  await outcome.getByText('Note 2 is written.').waitFor();

  // What is an administrator's is not offered.
  await page.getByRole('link', { name: 'Stops', exact: true }).click();
  await page.getByRole('button', { name: 'Kill or pause…' }).click();
  await page.getByRole('button', { name: 'Kill everything' }).click();
  await page.getByText('An administrator can release it.').waitFor();
  await page.close();
});

async function verify(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByRole('button', { name: 'Verify in this browser' }).click();
}

/** Changes one character of the kill's reason on the disk, as somebody might who has access to it. */
function flipByte(): number {
  const log = new DatabaseSync(path.join(folder, 'aip.db'));
  const kill = log.prepare("SELECT id, text FROM entry WHERE kind = 'kill'").get() as { id: number; text: string };
  log.prepare('UPDATE entry SET text = ? WHERE id = ?').run(kill.text.replace('no reason', 'no season'), kill.id);
  const { seq } = JSON.parse(kill.text.slice(kill.text.indexOf('\n'))) as { seq: number };
  log.close();
  return seq;
}
