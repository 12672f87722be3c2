import { describe, expect, test } from 'vitest';
import { button, fixture, notice, open, outcome, page, sentence, show, tool, useOnePage } from './page.testing.ts';

useOnePage();

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
    const headline =
      '2 agents connected, 1 call waits for you, 1 agent asks to join, 3 servers need a look, 1 tool quarantined.';
    await page.getByRole('heading', { level: 1, name: headline, exact: true }).waitFor();
    expect(await tab.innerText()).toMatch(/^Servers\s*1\s*quarantined$/);
    const waiting = page.locator('.waiting');
    expect((await waiting.getByRole('link').allInnerTexts()).slice(1)).toEqual([
      expect.stringMatching(/ asks to join$/),
      ...Array.from({ length: 3 }, () => expect.stringMatching(/ needs a look$/) as unknown),
      expect.stringMatching(/^send_report of \w+ is quarantined$/),
    ]);
    await waiting.getByRole('link', { name: 'search needs a look' }).click();
    await page.getByRole('heading', { level: 1, name: 'search' }).waitFor();
    await show('overview');

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
