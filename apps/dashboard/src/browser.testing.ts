import { execFileSync } from 'node:child_process';
import path from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** For tests: builds the dashboard if it is older than its source, and starts a browser (CHROME_BIN, else Debian's). */
export async function launchBrowser(): Promise<Browser> {
  const script = path.join(import.meta.dirname, '../../../scripts/dashboard.mjs');
  const build = `(await import(${JSON.stringify(script)})).ensureDashboard()`;
  execFileSync(process.execPath, ['--input-type=module', '-e', build]);
  return chromium.launch({ executablePath: process.env['CHROME_BIN'] ?? '/usr/bin/chromium', args: FLAGS });
}

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** The rules that look at colours. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

/**
 * What axe finds wrong with the page as it stands now, a line for each rule; of its colours alone where they are all
 * that another look has changed. It stays in the document, and only what is wrong is brought back: bringing it in and
 * everything out takes several times as long as the rules themselves.
 */
export async function accessibilityFaults(page: Page, { coloursOnly = false } = {}): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  const runOnly: axe.RunOnly = coloursOnly ? { type: 'rule', values: COLOUR_RULES } : { type: 'tag', values: TAGS };
  return page.evaluate(async (only) => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
      runOnly: only,
      resultTypes: ['violations'],
    });
    return violations.map(({ id, nodes }) => `${id} ${nodes.map(({ html }) => html).join(' ')}`);
  }, runOnly);
}
