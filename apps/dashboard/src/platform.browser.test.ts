import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.testing.ts';

const ROOT = path.join(import.meta.dirname, '../../..');

let browser: Browser;

beforeAll(async () => void (browser = await launchBrowser()));
afterAll(() => browser.close());

/** What one test starts and writes, gone at its end. */
interface Workshop extends AsyncDisposable {
  /** Where the platform finds `aip.yaml`, and keeps its data in `.aip`. */
  readonly folder: string;
  readonly processes: ChildProcess[];
}

function openWorkshop(): Workshop {
  const folder = mkdtempSync(path.join(tmpdir(), 'aip-dashboard-'));
  const processes: ChildProcess[] = [];
  return {
    folder,
    processes,
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map(stop));
      rmSync(folder, { recursive: true });
    },
  };
}

interface Platform {
  readonly url: string;
  readonly loginUrl: string;
  readonly workshop: Workshop;
  readonly process: ChildProcess;
}

/** The platform as a user starts it. */
async function startPlatform(workshop: Workshop): Promise<Platform> {
  const { folder, processes } = workshop;
  const command = [path.join(ROOT, 'packages/platform/bin/aip.mjs'), 'up', '--port', '0', '--log-level', 'silent'];
  const child = spawn(process.execPath, command, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  processes.push(child);
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    const [loginUrl] = /http:\S+#login=\S+/.exec(said) ?? [];
    if (loginUrl !== undefined) return { loginUrl, url: new URL(loginUrl).origin, workshop, process: child };
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
  const token = readFileSync(path.join(platform.workshop.folder, '.aip/admin.token'), 'utf8').trim();
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${platform.url}/v1/${where}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as JsonObject };
}

/** The echo agent of the examples, as a process of its own. */
async function startEcho(platform: Platform): Promise<void> {
  const { folder, processes } = platform.workshop;
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

test.concurrent(`a real agent is seen at work, killed with proof, and the log is verified, until a byte of it is flipped ${claim('T-DASH')}`, async () => {
  await using workshop = openWorkshop();
  const first = await startPlatform(workshop);
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
  const seq = flipByte(workshop.folder);
  page = await open(await startPlatform(workshop));
  // What was stopped is still stopped, and the dashboard works all the same.
  await page.getByRole('heading', { name: /^Everything is stopped since/ }).waitFor();
  await verify(page);
  await page.getByText(`Not intact. Entry ${seq} was changed: its text does not hash to its leaf.`).waitFor();
  await page.close();
});

test.concurrent(`an operator logs in with a token, tries a real tool, and a colleague approves what it writes ${claim('T-DASH')}`, async () => {
  await using workshop = openWorkshop();
  describeSources(workshop.folder);
  const platform = await startPlatform(workshop);
  const notes = spawn(process.execPath, [path.join(ROOT, 'packages/platform/src/cli/demo/notes-server.ts')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  workshop.processes.push(notes);
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

  await page.getByRole('link', { name: 'Servers', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: '1 of 1 server and 1 of 2 sources active, 3 tools' }).waitFor();
  const sources = page.getByRole('region', { name: 'Sources' }).getByRole('listitem');
  await sources.filter({ hasText: 'pets' }).getByText('cannot be read', { exact: true }).waitFor();
  await sources.getByRole('link', { name: 'shop' }).click();
  await page.getByText('sql:///tables/orders', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'orders_of' }).click();
  await page.getByLabel('customer').fill('Ann');
  await page.getByRole('button', { name: 'Call orders_of' }).click();
  await outcome.getByText('lamp').first().waitFor();

  // What is an administrator's is not offered.
  await page.getByRole('link', { name: 'Stops', exact: true }).click();
  await page.getByRole('button', { name: 'Kill or pause…' }).click();
  await page.getByRole('button', { name: 'Kill everything' }).click();
  await page.getByText('An administrator can release it.').waitFor();
  await page.close();
});

/** A database that can be asked, and an API whose document is missing. */
function describeSources(folder: string): void {
  const shop = new DatabaseSync(path.join(folder, 'shop.db'));
  shop.exec("CREATE TABLE orders (item TEXT, customer TEXT); INSERT INTO orders VALUES ('lamp', 'Ann')");
  shop.close();
  const ordersOf = { sql: 'SELECT item FROM orders WHERE customer = :customer', parameters: { customer: 'string' } };
  const sources = {
    sql: { shop: { sqlite: './shop.db', queries: { orders_of: ordersOf } } },
    openapi: { pets: { document: './missing.yaml' } },
  };
  writeFileSync(path.join(folder, 'aip.yaml'), JSON.stringify({ sources }));
}

async function verify(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByRole('button', { name: 'Verify in this browser' }).click();
}

/** Changes one character of the kill's reason on the disk, as somebody might who has access to it. */
function flipByte(folder: string): number {
  const log = new DatabaseSync(path.join(folder, '.aip/aip.db'));
  const kill = log.prepare("SELECT id, text FROM entry WHERE kind = 'kill'").get() as { id: number; text: string };
  log.prepare('UPDATE entry SET text = ? WHERE id = ?').run(kill.text.replace('no reason', 'no season'), kill.id);
  const { seq } = JSON.parse(kill.text.slice(kill.text.indexOf('\n'))) as { seq: number };
  log.close();
  return seq;
}
