import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../main/testing.ts';
import { openTestSources, type SourcesInput } from '../testing.ts';
import { fileTree } from './tree.ts';

type Settings = Omit<NonNullable<SourcesInput['files']>[string], 'root'>;

async function openTree(settings: Settings = {}) {
  const folder = temporaryFolder();
  const root = join(folder.path, 'root');
  mkdirSync(join(root, 'docs', 'deep'), { recursive: true });
  mkdirSync(join(root, '.git'));
  writeFileSync(join(root, 'readme.md'), '# Hello');
  writeFileSync(join(root, 'docs', 'a b#c.txt'), 'spaces');
  writeFileSync(join(root, 'docs', 'deep', 'data.json'), '{"a":1}');
  writeFileSync(join(root, 'image.png'), Buffer.from([0x89, 0x50, 0x00, 0xff]));
  writeFileSync(join(root, '.env'), 'PASSWORD=1');
  writeFileSync(join(root, '.git', 'config'), 'secret');
  writeFileSync(join(folder.path, 'outside.txt'), 'outside');
  const test = await openTestSources({ files: { tree: { root: 'root', ...settings } } }, { folder: folder.path });
  return {
    ...test,
    root,
    outside: folder.path,
    names: () => test.offered('tree').map((address) => address.replace('resource:tree/file:///', '')),
    async read(path: string): Promise<JsonObject> {
      const { value, error } = await test.call('resource:tree/file:///{+path}', { uri: `file:///${path}` });
      return error ? { code: error.code } : ((value['contents'] as JsonObject[])[0] as JsonObject);
    },
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe(`a folder ${claim('P-MCP-GW.resources')}`, () => {
  it('is a list of resources, and a template for the rest', async () => {
    await using tree = await openTree();
    expect(tree.names()).toEqual(['docs/a%20b%23c.txt', 'docs/deep/data.json', 'image.png', 'readme.md', '{+path}']);
    expect(tree.entry('resource:tree/file:///readme.md')).toMatchObject({
      kind: 'resource',
      effect: 'read',
      native: { uri: 'file:///readme.md', name: 'readme.md', mimeType: 'text/markdown' },
    });
  });

  it('whose files are text or base64, by their media type', async () => {
    await using tree = await openTree();
    expect(await tree.read('readme.md')).toEqual({
      uri: 'file:///readme.md',
      mimeType: 'text/markdown',
      text: '# Hello',
    });
    expect(await tree.read('docs/a%20b%23c.txt')).toMatchObject({ mimeType: 'text/plain', text: 'spaces' });
    expect(await tree.read('image.png')).toEqual({ uri: 'file:///image.png', mimeType: 'image/png', blob: 'iVAA/w==' });
  });

  it('whose folders are lists', async () => {
    await using tree = await openTree();
    expect(JSON.parse((await tree.read(''))['text'] as string)).toEqual([
      { name: 'docs', kind: 'folder', uri: 'file:///docs/' },
      { name: 'image.png', kind: 'file', uri: 'file:///image.png' },
      { name: 'readme.md', kind: 'file', uri: 'file:///readme.md' },
    ]);
    expect(JSON.parse((await tree.read('docs/'))['text'] as string)).toHaveLength(2);
  });

  it('shows what is included, and hidden names only where a pattern names them', async () => {
    await using notes = await openTree({ include: ['**/*.md', 'docs/*', '.env'] });
    expect(notes.names()).toEqual(['.env', 'docs/a%20b%23c.txt', 'readme.md', '{+path}']);
    expect(await notes.read('image.png')).toEqual({ code: 'NOT_FOUND' });
    expect(await notes.read('.git/config')).toEqual({ code: 'NOT_FOUND' });
  });

  it('whose files have one URI each', async () => {
    await using tree = await openTree();
    for (const path of ['readme%2Emd', './readme.md', '/readme.md', 'readme.md?x', 'readme.md#x', 'x/../readme.md'])
      expect(await tree.read(path)).toMatchObject({ uri: 'file:///readme.md', text: '# Hello' });
    expect(await tree.read('x%2F..%2Freadme.md')).toEqual({ code: 'INVALID_ARGUMENT' });
    const deep = await tree.call('resource:tree/file:///{+path}', { path: 'docs/deep/data.json' });
    expect(deep.value).toMatchObject({ contents: [{ uri: 'file:///docs/deep/data.json' }] });
    expect(await tree.call('resource:tree/file:///readme.md', { uri: 'file:///image.png' })).toMatchObject({
      error: { code: 'INVALID_ARGUMENT' },
    });
  });

  it('reads nothing of a file that is not listed under a second spelling of its path', async () => {
    await using tree = await openTree();
    mkdirSync(join(tree.root, 'many'));
    for (let i = 0; i < 1_100; i++) writeFileSync(join(tree.root, 'many', `${i}.txt`), String(i));
    await expect.poll(() => tree.names().length).toBe(1_001);
    expect(await tree.read('many/999.txt')).toMatchObject({ text: '999' });
    for (const path of ['many%2F999.txt', 'many//999.txt', 'many/999.txt#x', 'many/999.txt?x'])
      expect(await tree.read(path)).toEqual({ code: 'NOT_FOUND' });
  });

  it('reads nothing above its limit', async () => {
    await using tree = await openTree({ max_bytes: 1_000 });
    writeFileSync(join(tree.root, 'large.txt'), 'x'.repeat(1_001));
    expect(await tree.read('large.txt')).toEqual({ code: 'PAYLOAD_TOO_LARGE' });
    writeFileSync(join(tree.root, 'large.txt'), 'x'.repeat(1_000));
    expect((await tree.read('large.txt'))['text']).toHaveLength(1_000);
  });

  it('lists no more than its bound, and still reads the rest', async () => {
    await using tree = await openTree();
    mkdirSync(join(tree.root, 'many'));
    for (let i = 0; i < 1_100; i++) writeFileSync(join(tree.root, 'many', `${i}.txt`), String(i));
    await expect.poll(() => tree.sources.status()[0]!.problems).toEqual([expect.stringMatching(/more files/)]);
    expect(tree.names()).toHaveLength(1_001);
    expect((await tree.read('many/999.txt'))['text']).toBe('999');
  });

  it('follows what is written, renamed and removed', async () => {
    await using tree = await openTree();
    writeFileSync(join(tree.root, 'docs', 'new.md'), 'new');
    await expect.poll(() => tree.names()).toContain('docs/new.md');
    mkdirSync(join(tree.root, 'later'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    renameSync(join(tree.root, 'docs', 'new.md'), join(tree.root, 'later', 'moved.md'));
    await expect.poll(() => tree.names()).toContain('later/moved.md');
    expect(tree.names()).not.toContain('docs/new.md');
    rmSync(join(tree.root, 'later'), { recursive: true });
    await expect.poll(() => tree.names()).not.toContain('later/moved.md');
  });

  it('that is not there fails alone, and is taken once it is', async () => {
    using folder = temporaryFolder();
    await using test = await openTestSources({ files: { tree: { root: 'later' } } }, { folder: folder.path });
    expect(test.sources.status()).toMatchObject([
      { state: 'failed', error: expect.stringMatching(/tree\.root: .*later is no folder/) },
    ]);
    mkdirSync(join(folder.path, 'later'));
    writeFileSync(join(folder.path, 'later', 'a.txt'), 'a');
    await expect.poll(() => test.offered('tree')).toContain('resource:tree/file:///a.txt');
  });

  it('completes paths', async () => {
    await using tree = await openTree();
    const entry = tree.entry('resource:tree/file:///{+path}')!;
    const session = { principal: tree.exchange.authenticate({ kind: 'bearer', token: 'a' }), edge: 'mcp' } as const;
    const { oneShot, outcomeOf } = await import('../../exchange/index.ts');
    const call = await tree.exchange.send(oneShot(session, Date.now()), {
      to: entry.address,
      action: 'read',
      body: { type: 'data', value: { argument: { name: 'path', value: 'docs/' } } },
      native: { complete: 'template' },
    });
    expect(outcomeOf(await call.ended)).toMatchObject({
      body: { value: { completion: { values: ['docs/a b#c.txt', 'docs/deep/data.json'], hasMore: false } } },
    });
  });
});

describe('what lies outside of the folder is not there', () => {
  it.each([
    ['../outside.txt', 'NOT_FOUND'],
    ['..%2Foutside.txt', 'INVALID_ARGUMENT'],
    ['%2e%2e/outside.txt', 'NOT_FOUND'],
    ['docs/../../outside.txt', 'NOT_FOUND'],
    ['docs%5c..%5c..%5coutside.txt', 'INVALID_ARGUMENT'],
    ['/etc/passwd', 'NOT_FOUND'],
    ['%00', 'NOT_FOUND'],
    ['docs/%zz', 'INVALID_ARGUMENT'],
    ['%252e%252e/outside.txt', 'INVALID_ARGUMENT'],
    ['%%32e%%32e/outside.txt', 'INVALID_ARGUMENT'],
  ])('%s: %s', async (path, code) => {
    await using tree = await openTree();
    expect(await tree.read(path)).toEqual({ code });
  });

  it('also behind a link, to a file or a folder, and through a folder that has become one', async () => {
    await using tree = await openTree();
    symlinkSync(join(tree.outside, 'outside.txt'), join(tree.root, 'link.txt'));
    symlinkSync(tree.outside, join(tree.root, 'linked'));
    symlinkSync(join(tree.root, 'readme.md'), join(tree.root, 'inner.md'));
    for (const path of ['link.txt', 'linked/outside.txt', 'linked/', 'linked/root/readme.md']) {
      const found = await tree.read(path);
      expect(found['text'] ?? '', path).not.toContain('outside');
    }
    expect(await tree.read('link.txt')).toEqual({ code: 'NOT_FOUND' });
    expect(await tree.read('linked/outside.txt')).toEqual({ code: 'NOT_FOUND' });
    // One that stays inside is a file like any other.
    expect((await tree.read('inner.md'))['text']).toBe('# Hello');
    await expect.poll(() => tree.names()).toContain('inner.md');
    expect(tree.names().join()).not.toMatch(/link\.txt|linked/);
  });

  it('nor is what a link leads to that is not shown itself: hidden, or not included', async () => {
    await using tree = await openTree({ include: ['**/*.md', 'links/**'] });
    mkdirSync(join(tree.root, 'links'));
    writeFileSync(join(tree.root, 'docs', 'read.md'), 'read');
    for (const [from, to] of [
      ['links/visible.txt', '../.env'],
      ['links/image.png', '../image.png'],
      ['links/git', '../.git'],
      ['links/docs', '../docs'],
      ['links/hello.txt', '../readme.md'],
    ] as const)
      symlinkSync(to, join(tree.root, from));
    for (const path of [
      'links/visible.txt',
      'links/image.png',
      'links/git/config',
      'links/git/',
      'links/docs/a%20b%23c.txt',
    ])
      expect(await tree.read(path), path).toEqual({ code: 'NOT_FOUND' });
    const listed = JSON.parse((await tree.read('links/docs/'))['text'] as string) as { name: string }[];
    expect(listed.map(({ name }) => name)).toEqual(['deep', 'read.md']);
    expect((await tree.read('links/hello.txt'))['text']).toBe('# Hello');
    expect((await tree.read('links/docs/read.md'))['text']).toBe('read');
    await expect.poll(() => tree.names()).toContain('links/hello.txt');
    expect(tree.names()).toEqual(['docs/read.md', 'links/hello.txt', 'readme.md', '{+path}']);
  });

  it('nor does a link that comes and goes while files are read', async () => {
    await using tree = await openTree();
    const swapped = join(tree.root, 'swapped.txt');
    const done = new AbortController();
    const swapping = (async () => {
      for (let n = 0; !done.signal.aborted; n++) {
        if (n % 2 === 0) symlinkSync(join(tree.outside, 'outside.txt'), `${swapped}.new`);
        else writeFileSync(`${swapped}.new`, 'inside');
        renameSync(`${swapped}.new`, swapped);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    const shown = fileTree(tree.root, ['**/*'], 1_000);
    const read = async () => shown.read('swapped.txt').then(String, () => 'nothing');
    const seen = new Set<string>();
    for (let round = 0; round < 60; round++)
      for (const text of await Promise.all(Array.from({ length: 10 }, read))) seen.add(text);
    done.abort();
    await swapping;
    expect(seen).toContain('inside');
    expect(seen).not.toContain('outside');
  });

  it.skipIf(process.platform === 'win32')('nor is a pipe a file, on which reading would wait for ever', async () => {
    await using tree = await openTree();
    execFileSync('mkfifo', [join(tree.root, 'pipe.txt')]);
    expect(await tree.read('pipe.txt')).toEqual({ code: 'NOT_FOUND' });
  });
});
