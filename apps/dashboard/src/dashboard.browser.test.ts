import { claim } from '@aip/conformance';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchBrowser } from './browser.testing.ts';
import { startFixture, type Fixture } from './fixture.testing.ts';

const PAGES = ['overview', 'agents', 'approvals', 'stops', 'spend', 'audit'] as const;
const LOOKS = [
  { name: 'light', colorScheme: 'light', width: 1280 },
  { name: 'dark', colorScheme: 'dark', width: 1280 },
  { name: 'narrow', colorScheme: 'light', width: 400 },
] as const;

let browser: Browser;
let context: BrowserContext;
let page: Page;
let fixture: Fixture;
let complaints: string[];

beforeAll(async () => void (browser = await launchBrowser()));
afterAll(() => browser.close());

beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // A refused request is told to the user; what the browser says of it is no fault of the page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
});
afterEach(async () => {
  await context.close();
  await fixture.close();
  // Among them whatever the Content-Security-Policy has blocked.
  expect(complaints).toEqual([]);
});

async function open(options: { empty?: boolean } = {}): Promise<void> {
  fixture = await startFixture(options);
  await page.goto(fixture.loginUrl);
  await page.getByText('Live', { exact: true }).waitFor();
}

const show = (place: string): Promise<unknown> => page.goto(`${fixture.url}/ui#/${place}`);
const button = (name: string | RegExp) => page.getByRole('button', { name });
const notice = () => page.locator('.notices');

async function expectAccessible(where: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  expect(violations.map(({ id, nodes }) => `${where}: ${id} ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
}

async function expectNoSidewaysScroll(): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

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

  test('a session that ends on the platform ends on the page', async () => {
    await open();
    fixture.restart();
    await page.getByRole('heading', { name: 'Log in to AIP' }).waitFor();
  });
});

describe.each(LOOKS)('accessible and whole, $name', ({ colorScheme, width }) => {
  test(`every page ${claim('T-DASH')}`, async () => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await open();
    for (const name of PAGES) {
      await show(name);
      await page.locator('nav [aria-current=page]', { hasText: new RegExp(name, 'i') }).waitFor();
      await page.waitForFunction(() => !document.body.innerText.includes('Reading…'));
      await expectAccessible(name);
      await expectNoSidewaysScroll();
    }
  });

  test('the kill dialog, an active stop, an entry and a task', async () => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await open();
    await show('stops');
    await button('Kill or pause…').click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible('dialog');
    await button('Kill everything').click();
    await page.getByText('0 accepted since').waitFor();
    await expectAccessible('stop');
    await expectNoSidewaysScroll();
    await show('audit/3');
    await page.getByText('Canonical text').first().waitFor();
    await expectAccessible('entry');
    await expectNoSidewaysScroll();
    await show(`task/${fixture.log.entries.find(({ kind }) => kind === 'settle')?.task}`);
    await page.getByText('What happened').waitFor();
    await expectAccessible('task');
    await expectNoSidewaysScroll();
  });
});

test('an empty platform says on every page what to do next', async () => {
  await open({ empty: true });
  const hints = {
    overview: 'aip demo runaway',
    agents: 'aip agent create',
    approvals: '@approve',
    stops: 'Nothing is stopped',
    spend: 'aip budget set',
    audit: 'The log is empty',
  };
  for (const name of PAGES) {
    await show(name);
    await page.getByText(hints[name]).first().waitFor();
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
