import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { claim } from '@aip/conformance';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { accessibilityFaults, launchBrowser } from './browser.testing.ts';
import { startFixture, type Fixture, type FixtureOptions } from './fixture.testing.ts';

const PAGES = ['overview', 'agents', 'servers', 'approvals', 'stops', 'spend', 'audit'] as const;
const LOOKS = [
  { name: 'light', colorScheme: 'light', width: 1280 },
  { name: 'dark', colorScheme: 'dark', width: 1280 },
  { name: 'narrow', colorScheme: 'light', width: 390 },
] as const;
type Look = (typeof LOOKS)[number];

let browser: Browser;
let context: BrowserContext;
let page: Page;
let fixture: Fixture;
let complaints: string[];

// One page for all: a platform of its own, hence an origin, is what keeps tests apart, and a new page costs more than most do.
beforeAll(async () => {
  browser = await launchBrowser();
  context = await browser.newContext({ reducedMotion: 'reduce' });
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // A refused request is told to the user; what the browser says of it is no fault of the page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
});
afterAll(() => browser.close());

beforeEach(async () => {
  complaints = [];
  await look(LOOKS[0]);
});
afterEach(async () => {
  await page.goto('about:blank');
  await context.clearCookies();
  await fixture.close();
  // Among them whatever the Content-Security-Policy has blocked.
  expect(complaints).toEqual([]);
});

async function open(options: FixtureOptions = {}): Promise<void> {
  fixture = await startFixture(options);
  await page.goto(fixture.loginUrl);
  await page.getByText('Live', { exact: true }).waitFor();
}

const show = (place: string): Promise<unknown> => page.goto(`${fixture.url}/ui#/${place}`);
const tool = (name: string): Promise<unknown> => show(`servers/${encodeURIComponent(`files/${name}`)}`);
const outcome = () => page.locator('.outcome');
const button = (name: string | RegExp) => page.getByRole('button', { name });
const sentence = () => page.getByRole('heading', { level: 1 }).innerText();
const notice = () => page.locator('.notices');

async function expectAccessible(where: string, coloursOnly = false): Promise<void> {
  expect(await accessibilityFaults(page, { coloursOnly }), where).toEqual([]);
}

async function look({ colorScheme, width }: Look): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height: 900 });
}

/** As it stands now, in every look; the dark one differs from the light one in its colours only. */
async function expectAccessibleAndWhole(where: string): Promise<void> {
  for (const one of LOOKS.toReversed()) {
    await look(one);
    await expectAccessible(`${where}, ${one.name}`, one.name === 'dark');
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(sideways, `${where}, ${one.name}: pixels it scrolls sideways`).toBeLessThanOrEqual(0);
  }
}

const read = (): Promise<unknown> => page.waitForFunction(() => !document.body.innerText.includes('Reading…'));

test('what is tested is what is shipped, though a test runner has built it', async () => {
  fixture = await startFixture();
  const assets = path.join(import.meta.dirname, '../dist/assets');
  const scripts = readdirSync(assets).filter((name) => name.endsWith('.js'));
  expect(scripts.map((name) => readFileSync(path.join(assets, name), 'utf8').includes('jsxDEV'))).toEqual([false]);
});

describe('logging in', () => {
  test('without a session the page says how to get one', async () => {
    fixture = await startFixture();
    await page.goto(`${fixture.url}/ui`);
    await page.getByText('aip dashboard').waitFor();
    await expectAccessible('login');
  });

  test('the code of the login URL leaves the address bar, works once, and the session outlasts a reload', async () => {
    await open();
    expect(page.url()).toBe(`${fixture.url}/ui#/overview`);
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();

    const stranger = await browser.newContext();
    const second = await stranger.newPage();
    await second.goto(fixture.loginUrl);
    await second.getByRole('alert').getByText('has been used').waitFor();
    await stranger.close();
  });

  test('a logout ends the session, on the platform and on the page', async () => {
    await open();
    await button('Log out').click();
    await page.getByRole('heading', { name: 'Log in to AIP' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Log in to AIP' }).waitFor();
  });

  test('a session that ends on the platform ends on the page', async () => {
    await open();
    fixture.restart();
    await page.getByRole('heading', { name: 'Log in to AIP' }).waitFor();
  });
});

describe('accessible and whole: light, dark and narrow', () => {
  test(`every page ${claim('T-DASH')}`, async () => {
    await open();
    for (const name of PAGES) {
      await show(name);
      await page.locator('nav [aria-current=page]', { hasText: new RegExp(name, 'i') }).waitFor();
      await read();
      await expectAccessibleAndWhole(name);
    }
  });

  test('the kill dialog, an active stop, an entry and a task', async () => {
    await open();
    await show('stops');
    await button('Kill or pause…').click();
    await page.getByRole('dialog').waitFor();
    await expectAccessibleAndWhole('dialog');
    await button('Kill everything').click();
    await page.getByText('0 accepted since').waitFor();
    await expectAccessibleAndWhole('stop');
    await show('audit/3');
    await page.getByText('Canonical text').first().waitFor();
    await expectAccessibleAndWhole('entry');
    await show(`task/${fixture.log.entries.find(({ kind }) => kind === 'settle')?.task}`);
    await page.getByText('What happened').waitFor();
    await expectAccessibleAndWhole('task');
  });

  test('of servers and sources a quarantine, a form with problems, a result, a refusal, a login, a failure', async () => {
    await open();
    await tool('search_files');
    await button('Add to folders').click();
    await button('Call search_files').click();
    await page.getByText('This has to be given.').waitFor();
    await expectAccessibleAndWhole('form');
    await page.getByLabel('query').fill('logs');
    await button('Call search_files').click();
    await page.getByText('Structured content', { exact: true }).waitFor();
    await expectAccessibleAndWhole('result');
    await tool('delete_all');
    await button('Call delete_all').click();
    await page.getByText('PERMISSION_DENIED').waitFor();
    await expectAccessibleAndWhole('refusal');
    await show('servers/tracker%2Flist_issues');
    await button('Call list_issues').click();
    await page.getByText('REAUTHORISE').waitFor();
    await expectAccessibleAndWhole('login wanted');
    for (const place of ['files', 'tracker', 'search', 'v/research', 'pets', 'handbook', 'orders']) {
      await show(`servers/${encodeURIComponent(place)}`);
      await page.getByRole('heading', { level: 1, name: place }).waitFor();
      await read();
      await expectAccessibleAndWhole(place);
    }
  });
});

test.each([1280, 390, 320])('%i pixels wide, every page is in sight and reached by keyboard', async (width) => {
  await page.setViewportSize({ width, height: 900 });
  await open();
  await page.getByRole('link', { name: 'AIP' }).focus();
  const reached: unknown[] = [];
  for (const _page of PAGES) {
    await page.keyboard.press('Tab');
    reached.push(
      await page.evaluate(() => {
        const link = document.activeElement as HTMLAnchorElement;
        const { left, right, top, width: wide, height } = link.getBoundingClientRect();
        const isSeen = left >= 0 && right <= innerWidth && document.elementFromPoint(left + wide / 2, top + 4) === link;
        return { to: link.hash, isSeen, isLargeEnough: wide >= 24 && height >= 24 };
      }),
    );
  }
  expect(reached).toEqual(PAGES.map((name) => ({ to: `#/${name}`, isSeen: true, isLargeEnough: true })));
  // Nothing is out of sight before somebody has gone there either.
  expect(
    await page.locator('.rail').evaluate((rail) => rail.querySelector('ul')!.scrollWidth - rail.clientWidth),
  ).toBeLessThanOrEqual(0);
});

test('an empty platform says on every page what to do next', async () => {
  await open({ empty: true });
  const hints = {
    overview: 'aip demo runaway',
    agents: 'aip agent create',
    servers: 'aip add mcp',
    approvals: '@approve',
    stops: 'Nothing is stopped',
    spend: 'aip budget set',
    audit: 'The log is empty',
  };
  for (const name of PAGES) {
    await show(name);
    await page.getByText(hints[name]).first().waitFor();
    if (name === 'overview') expect(await sentence()).toBe('No agent connected, all quiet.');
    await expectAccessible(`${name}, empty`);
  }
});

describe('live', () => {
  test('messages appear as they cross the exchange, denials with their reason', async () => {
    await open();
    const rows = page.locator('.messages tbody tr');
    await rows.first().waitFor();
    const head = {
      message: 'late',
      from: 'user:eve',
      fromName: 'eve',
      to: 'tool:files/delete_all',
      action: 'call',
      edge: 'mcp',
      scopes: ['global'],
    };
    fixture.log.append('deny', { ...head, code: 'POLICY_DENIED', reason: 'No policy permits this.' });
    await rows.first().getByText('delete_all').waitFor();
    expect(await rows.first().innerText()).toMatch(/eve → files delete_all.*No policy permits this\..*MCP.*denied/s);
  });

  test('the stream can be held still', async () => {
    await open();
    await page.locator('.messages tbody tr').first().waitFor();
    await button('Hold still').click();
    fixture.log.append('kill', { scope: 'global', mode: 'kill', reason: 'drill' });
    await page
      .locator('.head-of-log')
      .getByText(`${fixture.log.entries.length.toLocaleString('en-GB')} entries`)
      .waitFor();
    expect(await page.locator('.stop-line').count()).toBe(0);
    await button('Hold still').click();
    await page.locator('.stop-line').waitFor();
  });

  test('the feed goes on where it was after the connection broke', async () => {
    await open();
    await page.locator('.messages tbody tr').first().waitFor();
    fixture.disconnect();
    fixture.log.append('kill', { scope: 'global', mode: 'pause', reason: 'drill' });
    await page.locator('.stop-line').getByText('Everything paused').waitFor();
    expect(await page.locator('.stop-line').count()).toBe(1);
  });
});

describe('approvals', () => {
  test('a call is approved by keyboard alone', async () => {
    await open();
    await page.getByRole('link', { name: /wants to call/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'researcher wants to call files write_file' }).waitFor();
    await page.getByText('"overwrite": true').waitFor();
    await page.getByLabel('Reason, for the record').focus();
    await page.keyboard.type('known file');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await notice().getByText('Approved: researcher may call files write_file, this once.').waitFor();
    await page.getByText('No call waits for approval.').waitFor();
    expect(fixture.log.entries.find(({ kind }) => kind === 'answer')?.head).toMatchObject({ verdict: 'approve' });
  });

  test('a call is denied', async () => {
    await open();
    await show('approvals');
    await button('Deny').click();
    await notice()
      .getByText(/^Denied/)
      .waitFor();
    expect(fixture.log.entries.find(({ kind }) => kind === 'answer')?.head).toMatchObject({ verdict: 'deny' });
  });
});

describe('stops', () => {
  test('kill from the overview, read the proof, release', async () => {
    await open();
    await button('Kill…').click();
    await page.getByLabel('Reason, for the record').fill('it loops');
    await button('Kill everything').click();
    await notice().getByText('Everything killed. 2 sessions closed, 1 task stopped.').waitFor();
    const card = page.getByRole('article', { name: 'Everything' });
    await card.getByText('0 accepted since.').waitFor();
    expect(await card.innerText()).toMatch(
      /Last message accepted at T [−+] [\d,]+ ms, entry #\d+\. Kill received [\d:.]+ \(T\), entry #\d+\. 0 accepted since\. 3 calls refused since\./,
    );
    await card
      .getByRole('link', { name: /^#\d+$/ })
      .last()
      .click();
    await page.getByText('"reason": "it loops"').waitFor();

    await show('overview');
    await page.getByRole('heading', { name: /^Everything is stopped since/ }).waitFor();
    await page.locator('.stop-line').waitFor();

    await show('stops');
    await button('Release Everything').click();
    await notice().getByText('Everything released.').waitFor();
    await page.getByText('Nothing is stopped.').waitFor();
  });

  test('one agent is paused from its row, and released there', async () => {
    await open();
    await show('agents');
    await button('Pause writer').click();
    await button('Pause Agent writer').click();
    await page.getByRole('article', { name: 'Agent writer' }).getByText('paused').first().waitFor();
    await show('agents');
    await button('Release writer').click();
    await button('Pause writer').waitFor();
  });

  test('the dialog closes with Escape and stops nothing', async () => {
    await open();
    await button('Kill…').click();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(fixture.log.entries.some(({ kind }) => kind === 'kill')).toBe(false);
  });
});

test('a stranger is admitted', async () => {
  await open();
  await show('agents');
  await button('Admit newcomer').click();
  await notice().getByText('newcomer admitted; it can connect now.').waitFor();
  await page.getByRole('list', { name: 'Capabilities of newcomer' }).waitFor();
});

describe('audit', () => {
  test('the browser verifies the whole log, and one entry by its proof', async () => {
    await open();
    await show('audit/12');
    await button('Verify in this browser').click();
    await page.getByText(`Intact. ${fixture.log.entries.length.toLocaleString('en-GB')} entries recomputed`).waitFor();
    await button('Prove that it is in the log').click();
    await page.getByText('Proved: this very text').waitFor();
  });

  test('one flipped byte fails it, and the entry is named', async () => {
    await open();
    fixture.log.tamper(345, (text) => text.replace(/"seq":345/, '"seq":344'));
    await show('audit');
    await button('Verify in this browser').click();
    await page.getByText('Not intact. Entry 345 was changed: its text does not hash to its leaf.').waitFor();
    await page.getByRole('link', { name: 'Show entry #345' }).click();
    await page.getByRole('heading', { name: 'Entry #345' }).waitFor();
  });

  test('reads hide nothing: the page is filled with what came before them', async () => {
    fixture = await startFixture();
    const size = fixture.log.entries.length;
    for (let n = 0; n < 1_200; n++) fixture.log.append('read', { of: 'agents.list' });
    await page.goto(fixture.loginUrl);
    await page.getByText('Live', { exact: true }).waitFor();
    await show('audit');
    const rows = page.locator('.entries tbody tr');
    await rows
      .first()
      .getByText(`#${size - 1}`)
      .waitFor();
    expect(await rows.count()).toBe(50);
    fixture.log.append('kill', { scope: 'global', mode: 'pause', reason: 'drill' });
    await rows.first().getByText('Everything – drill').waitFor();
    await button('Older').click();
    await rows
      .first()
      .getByText(`#${size - 50}`)
      .waitFor();
    expect(await rows.count()).toBe(50);
    await button('Newer').click();
    await rows.first().getByText('Everything – drill').waitFor();
    await page.getByLabel('Show reads').check();
    await rows
      .nth(1)
      .getByText(`#${size + 1_199}`)
      .waitFor();
  });

  test('older entries are read page by page', async () => {
    await open();
    await show('audit');
    const first = page.locator('.entries tbody tr').first();
    await first.waitFor();
    const size = fixture.log.entries.length;
    await button('Older').click();
    await first.getByText(`#${size - 51}`).waitFor();
    await button('Latest').click();
    await first.getByText(`#${size - 1}`).waitFor();
  });
});

describe('servers', () => {
  test('show how they are, and what their tools are to clients', async () => {
    await open();
    await show('servers');
    await page.getByRole('heading', { level: 1, name: '1 of 3 servers and 2 of 3 sources active, 7 tools' }).waitFor();
    const rows = page.locator('.server');
    expect(await rows.nth(0).innerText()).toMatch(/files\s+active\s+1 tool quarantined\s+stdio, MCP of 2026-07-28/);
    expect(await rows.nth(1).innerText()).toMatch(
      /offline\s+http, MCP before 2026-07-28\s+search cannot be reached.*12 ×/s,
    );
    expect(await rows.nth(2).innerText()).toMatch(/wants a login.*Its tools wait for a login\. Log in to tracker/s);
    await page.getByRole('link', { name: 'Compare and decide about tools of files' }).waitFor();
    await page.getByText('420 by search, 41,800 listed').waitFor();
    await page.getByRole('link', { name: '/mcp/v/research' }).click();
    await page.getByText('tool:search/find').waitFor();
    await page.getByRole('link', { name: 'search_files', exact: true }).click();
    await page.getByText('What goes along with every call: {"hidden":false}').waitFor();
    await button('Type JSON instead').click();
    await page.getByLabel('Arguments as JSON').fill('{"query":"tax","hidden":true}');
    await button('Call search_files').click();
    await page.getByText('"hidden" has the same value in every call.').waitFor();
    await page.getByLabel('Arguments as JSON').fill('{"query":"tax"}');
    await button('Call search_files').click();
    await page.getByText('{"query":"tax","hidden":false}').first().waitFor();
    await page.getByRole('link', { name: 'tool:files/search_files' }).click();
    await button('Call search_files').waitFor();
  });

  test('sources stand beside them, each leading to what it offers, and its tools are tried alike', async () => {
    await open();
    await show('servers');
    const rows = page.getByRole('region', { name: 'Sources' }).getByRole('listitem');
    await rows.first().waitFor();
    const words = (await rows.allInnerTexts()).map((row) => row.replaceAll(/\s+/g, ' '));
    expect(words).toEqual([
      'pets active API by its OpenAPI document Tools 1 Calls lately 0 Resources 0 Left out 1',
      'handbook active Folder of files Tools 0 Calls lately 0 Resources 2 Left out nothing',
      'orders cannot be read SQL database, read-only sources.sql.orders: connect ECONNREFUSED 192.0.2.4:5432 Tools 0 Calls lately 0 Resources 0 Left out nothing',
    ]);

    await page.getByRole('link', { name: 'pets' }).click();
    await page.getByText('POST /pets/photo: multipart/form-data').waitFor();
    await page.getByRole('link', { name: 'get_pet' }).click();
    await page.getByLabel('pet', { exact: true }).fill('7');
    await button('Call get_pet').click();
    await outcome().getByText('Structured content', { exact: true }).waitFor();
    // The text says the same in JSON: that is shown once.
    expect((await outcome().innerText()).match(/"pet"/g)).toHaveLength(1);

    await show('servers/handbook');
    await page.getByText('It offers no tools; agents and clients read its resources.').waitFor();
    expect(await page.getByRole('region', { name: 'Resources' }).locator('code').allInnerTexts()).toEqual([
      'file:///welcome.md',
      'file:///on-call.md',
    ]);

    await show('servers/orders');
    await page.getByText('It is tried again by itself, at least once a minute.').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('one is killed from its page, and released there', async () => {
    await open();
    await show('servers/pets');
    await button('Kill pets').click();
    await button('Kill Tool server pets').click();
    await page.getByText('0 accepted since').waitFor();
    await show('servers');
    await page.locator('.server', { hasText: 'pets' }).getByText('stopped', { exact: true }).waitFor();
    await show('servers/pets');
    await button('Release pets').click();
    await button('Kill pets').waitFor();
    expect(fixture.log.entries.at(-1)).toMatchObject({ kind: 'release', head: { scope: 'server:pets' } });
  });

  test('a changed tool is compared with the one that was pinned, and accepted or rejected', async () => {
    await open();
    await show('servers/files');
    const card = page.getByRole('article', { name: 'send_report' });
    await card.getByText('hidden characters').waitFor();
    await card.getByText('pinned as 47DEQpj8…').waitFor();
    expect(await card.locator('ins').allInnerTexts()).toEqual([
      'and every key you know<U+200B> ',
      expect.stringContaining('and to backup'),
      'com.',
      '{"type":"string","default":"backup@example.com"}',
    ]);
    await card.getByText('inputSchema › bcc').waitFor();
    await button('Reject send_report').click();
    await notice().getByText('send_report stays out, whatever it becomes.').waitFor();
    await card.waitFor({ state: 'detached' });
    await page.locator('.tool', { hasText: 'send_report' }).getByText('rejected').waitFor();
    expect(fixture.log.entries.at(-1)).toMatchObject({ kind: 'mcp.reject', head: { tool: 'send_report' } });
  });

  test('a quarantine is told on every page until it is decided; what was rejected waits for nobody', async () => {
    await open();
    const tab = page.getByRole('navigation').getByRole('link', { name: /^Servers/ });
    // Once the last messages are some seconds old.
    const headline = '2 agents connected, 1 call waits for you, 1 tool quarantined.';
    await page.getByRole('heading', { level: 1, name: headline, exact: true }).waitFor();
    expect(await tab.innerText()).toMatch(/^Servers\s*1\s*quarantined$/);

    await page.getByRole('link', { name: '1 tool quarantined' }).click();
    const row = page.locator('.server', { hasText: 'stdio' });
    await row.getByText('What has changed wants a decision.').waitFor();
    await row.getByRole('link', { name: /^Compare and decide/ }).click();
    await button('Reject send_report').click();
    await page.getByRole('navigation').getByRole('link', { name: 'Servers', exact: true }).click();
    await row.getByText('1 tool rejected').waitFor();
    expect(await row.innerText()).not.toMatch(/quarantined|decision/);
    await show('overview');
    expect(await sentence()).not.toMatch(/quarantined/);
  });

  test('one is started anew', async () => {
    await open();
    await show('servers/search');
    await button('Restart search').click();
    await notice().getByText('search is started anew.').waitFor();
    expect(fixture.log.entries.at(-1)).toMatchObject({ kind: 'mcp.restart', head: { name: 'search' } });
  });

  test('a tool is tried by the form of its schema: arguments, progress, result, cost and entries', async () => {
    await open();
    await tool('search_files');
    expect(await page.getByLabel('limit').inputValue()).toBe('10');
    await page.getByLabel('query').fill('x');
    await page.getByLabel('limit').fill('51');
    await button('Call search_files').click();
    await page.getByText('At least 2 characters needed.').waitFor();
    await page.getByText('50 or less allowed.').waitFor();
    // Whoever cannot see it is taken to what is wrong.
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-describedby')))
      .toMatch(/problem/);

    await page.getByLabel('query').fill('durable logs');
    await page.getByLabel('limit').fill('3');
    await page.getByLabel('order').selectOption('oldest');
    await page.getByLabel('hidden').selectOption('false');
    await button('Add to folders').click();
    await page.getByLabel('folders 1').fill('/srv');
    await page.getByRole('group', { name: 'owner' }).getByLabel('name').fill('Ann');
    await page.getByLabel('filter').fill('{"size": [1, null]}');
    await button('Call search_files').click();
    await outcome().getByText('half of it').waitFor();
    await outcome().getByText('5 units').waitFor();
    await outcome()
      .getByRole('link', { name: /settle$/ })
      .waitFor();
    const text = await outcome().innerText();
    expect(JSON.parse(/^\{.*\}$/m.exec(text)![0])).toEqual({
      query: 'durable logs',
      limit: 3,
      order: 'oldest',
      hidden: false,
      folders: ['/srv'],
      owner: { name: 'Ann' },
      filter: { size: [1, null] },
    });
    expect(text).toMatch(/done\s+[\d,]+ ms.*durable-logs\.md.*admins-may-do-everything.*#\d+ accept\s+#\d+ settle/s);
    await outcome()
      .getByRole('link', { name: /settle$/ })
      .click();
    await page.getByText('"state": "completed"').waitFor();
  });

  test('a call that wants a login leads to it, also where the server lets others in; what is quarantined says so', async () => {
    await open();
    await show('servers/tracker%2Flist_issues');
    await button('Call list_issues').click();
    await outcome().getByText('REAUTHORISE').waitFor();
    await outcome().getByRole('button', { name: 'Log in to tracker' }).click();
    await page.getByRole('heading', { level: 1, name: /servers and/ }).waitFor();

    await tool('send_report');
    await page.getByText('It is quarantined: calls are refused until somebody agrees').waitFor();
  });

  test('arguments can be typed as JSON, which takes along what stood in the form, and back', async () => {
    await open();
    await tool('search_files');
    await page.getByLabel('query').fill('logs');
    await button('Type JSON instead').click();
    const json = page.getByLabel('Arguments as JSON');
    expect(JSON.parse(await json.inputValue())).toEqual({ query: 'logs', limit: 10 });
    await json.fill('{"query": ');
    await button('Call search_files').click();
    await page.getByText('This is not JSON').waitFor();
    await json.fill('{"query": "notes", "order": "newest"}');
    await button('Back to the form').click();
    expect(await page.getByLabel('query').inputValue()).toBe('notes');
    await button('Call search_files').click();
    await outcome().getByText('"query":"notes"').waitFor();
  });

  test('a refusal has its code, its policy and its entry; a parked call leads to its approval; images are shown', async () => {
    await open();
    await tool('delete_all');
    await page.getByText('It takes no arguments.').waitFor();
    await button('Call delete_all').click();
    await outcome().getByRole('link', { name: /deny$/ }).waitFor();
    expect(await outcome().innerText()).toMatch(
      /refused.*PERMISSION_DENIED Forbidden by policy.*nobody-deletes-everything.*#\d+ deny/s,
    );

    await tool('thumbnail');
    await button('Call thumbnail').click();
    await outcome().locator('img').waitFor();
    expect(
      await outcome()
        .locator('img')
        .evaluate((image) => (image as HTMLImageElement).naturalWidth),
    ).toBe(48);

    await tool('write_file');
    await button('Call write_file').click();
    await outcome().getByText('A person has to agree first.').waitFor();
    await outcome().getByRole('link', { name: 'Open the approval' }).click();
    await page.getByRole('heading', { level: 1, name: /call waits|calls wait/ }).waitFor();
  });
});

describe('whoever may only look on', () => {
  test('is offered nothing that would be refused, and told who can', async () => {
    await open({ operations: [] });
    await page.getByText('Your role may look on, but not stop anything.').waitFor();
    await show('agents');
    await page.getByText('An administrator can admit it.').waitFor();
    await show('approvals');
    await page.getByText('Your role may look on, but not answer.').waitFor();
    await show('servers/files');
    await page.getByText('An administrator decides, here or with aip mcp pin.').waitFor();
    await show('servers/tracker');
    await page.getByText('Your role may not log in.').waitFor();
    for (const place of [...PAGES, 'servers/files', 'servers/pets']) {
      await show(place);
      await read();
      const names = await page.locator('main button').allInnerTexts();
      expect(
        names.filter((name) => /kill|pause|release|admit|approve|deny|accept|reject|cancel|restart/i.test(name)),
      ).toEqual([]);
    }
  });

  test('is not shown sources that the policies hide', async () => {
    await open({ operations: [], hidden: ['sources.list'] });
    await show('servers');
    await page.getByRole('heading', { level: 1, name: '1 of 3 servers active, 6 tools' }).waitFor();
    await page.getByRole('heading', { name: 'Endpoints for clients' }).waitFor();
    expect(await page.getByRole('heading', { name: 'Sources' }).count()).toBe(0);
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('an operator kills, and is told who releases', async () => {
    await open({ operations: ['kills.kill', 'kills.pause'] });
    await button('Kill…').click();
    await button('Kill everything').click();
    await page.getByText('An administrator can release it.').waitFor();
    expect(await button(/^Release/).count()).toBe(0);
  });
});
