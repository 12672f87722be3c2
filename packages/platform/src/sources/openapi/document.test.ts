import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../main/testing.ts';
import { openTestSources } from '../testing.ts';

describe('a document', () => {
  it.each([
    ['{"openapi": "3.1.0", ', /api\.json is neither JSON nor YAML/],
    ['hello', /#: this is no OpenAPI document/],
    ['{"swagger": "2.0"}', /#: version "2.0" is not read; 3.0 and 3.1 are/],
    [
      '{"openapi": "3.1.0", "servers": [{"url": "https://example.org"}], "paths": {}}',
      /#: none of its operations is selected/,
    ],
    [
      '{"openapi": "3.1.0", "servers": [{"url": "/v1"}], "paths": {"/a": {"get": {}}}}',
      /#\/servers\/0: .*set base_url/,
    ],
    [
      JSON.stringify({ openapi: '3.1.0', servers: [{ url: 'https://example.org' }], paths: { '/a/{b}': { get: {} } } }),
      /#\/paths\/~1a~1\{b\}\/get: the path has \{b\}/,
    ],
    [
      JSON.stringify({
        openapi: '3.1.0',
        servers: [{ url: 'https://example.org' }],
        paths: { '/a': { get: { parameters: [{ in: 'query' }] } } },
      }),
      /#\/paths\/~1a\/get\/parameters\/0: a parameter has a name/,
    ],
    [
      JSON.stringify({
        openapi: '3.1.0',
        servers: [{ url: 'https://example.org' }],
        paths: { '/a': { get: { parameters: [{ $ref: '#/components/parameters/A' }] } } },
        components: {
          parameters: { A: { $ref: '#/components/parameters/B' }, B: { $ref: '#/components/parameters/A' } },
        },
      }),
      /its reference leads in a circle/,
    ],
  ])('that cannot be used fails alone, with its place: %s', async (content, message) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'api.json'), content);
    await using it = await openTestSources(
      { openapi: { bad: { document: 'api.json' } }, files: { good: { root: '.' } } },
      { folder: folder.path },
    );
    expect(it.sources.status()).toMatchObject([
      { name: 'bad', state: 'failed', error: expect.stringMatching(message) },
      { name: 'good', state: 'active' },
    ]);
  });

  it('may be of several files in one folder, but not of what lies outside', async () => {
    using folder = temporaryFolder();
    const inner = join(folder.path, 'inner');
    mkdirSync(inner);
    writeFileSync(join(folder.path, 'secret.yaml'), 'name: secret');
    symlinkSync(join(folder.path, 'secret.yaml'), join(inner, 'link.yaml'));
    writeFileSync(join(inner, 'shared.yaml'), 'Id: { name: id, in: path, required: true, schema: { type: string } }');
    const operation = (reference: string): JsonObject => ({ get: { parameters: [{ $ref: reference }] } });
    writeFileSync(
      join(inner, 'api.yaml'),
      JSON.stringify({
        openapi: '3.1.0',
        paths: {
          '/a/{id}': operation('shared.yaml#/Id'),
          '/b/{id}': operation('../secret.yaml#/'),
          '/c/{id}': operation('link.yaml'),
          '/d/{id}': operation('https://example.org/x.yaml#/Id'),
        },
      }),
    );
    await using it = await openTestSources(
      { openapi: { it: { document: 'inner/api.yaml', base_url: 'https://example.org' } } },
      { folder: folder.path },
    );
    expect(it.offered('it')).toEqual(['tool:it/get_a_id']);
    expect(it.sources.status()[0]!.problems.join('\n')).toMatch(
      /secret\.yaml lies outside.*\n.*link\.yaml lies outside.*\n.*another origin: https:\/\/example\.org\/x\.yaml/,
    );
  });

  it('is read again when its file changes, and keeps what it had while it is broken', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'api.yaml');
    const yaml = (...names: string[]): string =>
      `openapi: 3.1.0\npaths:\n${names.map((name) => `  /${name}: { get: {} }\n`).join('')}`;
    writeFileSync(file, yaml('a'));
    await using it = await openTestSources(
      { openapi: { it: { document: 'api.yaml', base_url: 'https://example.org' } } },
      { folder: folder.path },
    );
    writeFileSync(file, yaml('a', 'b'));
    await expect.poll(() => it.offered('it')).toEqual(['tool:it/get_a', 'tool:it/get_b']);
    writeFileSync(file, 'openapi: [');
    await expect.poll(() => it.sources.status()[0]!.state).toBe('failed');
    expect(it.offered('it')).toEqual(['tool:it/get_a', 'tool:it/get_b']);
  });

  it('names its server, but only the operator names one of this network', async () => {
    using folder = temporaryFolder();
    const document: JsonObject = {
      openapi: '3.1.0',
      servers: [{ url: '{scheme}://127.0.0.1:8099', variables: { scheme: { default: 'http' } } }],
      paths: { '/a': { get: {} } },
    };
    writeFileSync(join(folder.path, 'api.json'), JSON.stringify(document));
    await using it = await openTestSources({ openapi: { it: { document: 'api.json' } } }, { folder: folder.path });
    expect((await it.call('tool:it/get_a')).error).toMatchObject({ code: 'ADDRESS_BLOCKED' });
  });
});
