import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { accessibilityFaults, launchBrowser } from './browser.testing.ts';
import { startFixture, type Fixture, type FixtureOptions } from './fixture.testing.ts';

export const PAGES = ['overview', 'agents', 'servers', 'approvals', 'stops', 'spend', 'audit'] as const;
const LOOKS = [
  { name: 'light', colorScheme: 'light', width: 1280 },
  { name: 'dark', colorScheme: 'dark', width: 1280 },
  { name: 'narrow', colorScheme: 'light', width: 390 },
] as const;
type Look = (typeof LOOKS)[number];

/** Of the file of tests that is running; each has called {@link useOnePage}. */
export let browser: Browser;
export let page: Page;
/** Of the test that is running, once it has called {@link start} or {@link open}. */
export let fixture: Fixture;

/** One page for all: a platform of its own, hence an origin, is what keeps tests apart, and a new page costs more than most do. */
export function useOnePage(): void {
  let context: BrowserContext;
  let complaints: string[];

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
}

/** A platform to look at. */
export async function start(options: FixtureOptions = {}): Promise<void> {
  fixture = await startFixture(options);
}

/** The same, logged in and live. */
export async function open(options: FixtureOptions = {}): Promise<void> {
  await start(options);
  await page.goto(fixture.loginUrl);
  await page.getByText('Live', { exact: true }).waitFor();
}

export const show = (place: string): Promise<unknown> => page.goto(`${fixture.url}/ui#/${place}`);
export const tool = (name: string): Promise<unknown> => show(`servers/${encodeURIComponent(`files/${name}`)}`);
export const outcome = () => page.locator('.outcome');
export const button = (name: string | RegExp) => page.getByRole('button', { name });
export const sentence = () => page.getByRole('heading', { level: 1 }).innerText();
export const notice = () => page.locator('.notices');
export const read = (): Promise<unknown> => page.waitForFunction(() => !document.body.innerText.includes('Reading…'));

async function look({ colorScheme, width }: Look): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height: 900 });
}

export async function expectAccessible(where: string, coloursOnly = false): Promise<void> {
  expect(await accessibilityFaults(page, { coloursOnly }), where).toEqual([]);
}

/** As it stands now, in every look; the dark one differs from the light one in its colours only. */
export async function expectAccessibleAndWhole(where: string): Promise<void> {
  for (const one of LOOKS.toReversed()) {
    await look(one);
    await expectAccessible(`${where}, ${one.name}`, one.name === 'dark');
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(sideways, `${where}, ${one.name}: pixels it scrolls sideways`).toBeLessThanOrEqual(0);
  }
}
