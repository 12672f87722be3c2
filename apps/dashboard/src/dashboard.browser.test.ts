import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { describe, expect, test } from 'vitest';
import {
  PAGES,
  browser,
  button,
  expectAccessible,
  expectAccessibleAndWhole,
  fixture,
  open,
  page,
  read,
  sentence,
  show,
  start,
  tool,
  useOnePage,
} from './page.testing.ts';

useOnePage();

test('what is tested is what is shipped, though a test runner has built it', async () => {
  await start();
  const assets = path.join(import.meta.dirname, '../dist/assets');
  const scripts = readdirSync(assets).filter((name) => name.endsWith('.js'));
  expect(scripts.map((name) => readFileSync(path.join(assets, name), 'utf8').includes('jsxDEV'))).toEqual([false]);
});

describe('logging in', () => {
  test('without a session the page says how to get one', async () => {
    await start();
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

  test('what a short log has from before the page was opened is there, from its first entry on', async () => {
    await start({ empty: true });
    fixture.log.append('kill', { scope: 'global', mode: 'kill', reason: 'drill' });
    await page.goto(fixture.loginUrl);
    await page.locator('.stop-line').getByText('Everything killed').waitFor();
  });

  test('policy files that are broken are said first, with the place and what it means', async () => {
    await open({ brokenPolicies: true });
    const said = page.getByRole('region', { name: 'Policies' });
    await said.getByText('starter.cedar:12:8: unexpected token').waitFor();
    await said.getByText('the policies from before are still in force').waitFor();
    expect(await sentence()).not.toContain('all quiet');
    await expectAccessibleAndWhole('broken policies');
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
