import { describe, expect, test } from 'vitest';
import { PAGES, button, fixture, notice, open, page, read, show, start, useOnePage } from './page.testing.ts';

useOnePage();

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
    await start();
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
