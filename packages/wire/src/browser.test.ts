import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import * as browser from './index.browser.ts';
import * as node from './index.ts';

/** All files that a browser loads when it imports the package, and what else they import. */
async function reachable(file: string, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(file)) return found;
  found.add(file);
  if (!file.startsWith('./')) return found;
  const source = await readFile(new URL(file, import.meta.url), 'utf8');
  for (const [, target = ''] of source.matchAll(/ from '([^']+)'/g)) {
    await reachable(target === '#crypto' ? './crypto.browser.ts' : target, found);
  }
  return found;
}

describe('the face for browsers', () => {
  it('reaches no module of Node and no other package', async () => {
    const files = [...(await reachable('./index.browser.ts'))];
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => !file.startsWith('./'))).toEqual([]);
  });

  it('offers nothing that the other face does not', () => {
    expect(Object.keys(node)).toEqual(expect.arrayContaining(Object.keys(browser)));
  });
});
