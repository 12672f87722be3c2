import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { chromium, type Browser } from 'playwright-core';

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
