import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectV2, ERAS } from '../packages/platform/src/edges/mcp/testing.ts';
import { everyByte } from '../packages/platform/src/main/testing.ts';
import { startTestApi, type TestApi } from '../packages/platform/src/sources/testing.ts';
import { aip, startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

/** A platform with one source of each kind, used by official MCP clients as a caller. */
const SECRET = 'api-key-that-nobody-may-see';
let home: string;
let api: TestApi;
let platform: PlatformProcess;
let token: string;

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'aip-sources-'));
  mkdirSync(path.join(home, 'notes'));
  writeFileSync(path.join(home, 'notes', 'hello.md'), '# Hello');
  const db = new DatabaseSync(path.join(home, 'shop.db'));
  db.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT); INSERT INTO orders VALUES (1, 'tea'), (2, 'milk')");
  db.close();
  api = await startTestApi((app) => {
    app.get('/pets/:id', (request, reply) =>
      request.headers['x-key'] === SECRET ? { id: 7, seen: request.headers } : reply.code(401).send('no key'),
    );
    app.delete('/pets/:id', (_request, reply) => reply.code(204).send());
    app.get('/time', () => ({ now: 'noon' }));
  });
  const parameters = [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }];
  writeFileSync(
    path.join(home, 'pets.json'),
    JSON.stringify({
      openapi: '3.1.0',
      paths: {
        '/pets/{id}': {
          parameters,
          get: { operationId: 'getPet', summary: 'One pet.' },
          delete: { operationId: 'deletePet' },
        },
      },
    }),
  );
  platform = await startPlatformProcess({
    settings: {
      sources: {
        openapi: {
          pets: {
            document: path.join(home, 'pets.json'),
            base_url: api.url,
            auth: { api_key: { in: 'header', name: 'X-Key', value: { vault: 'pets-key' } } },
          },
          broken: { document: path.join(home, 'nowhere.yaml') },
        },
        files: { notes: { root: path.join(home, 'notes') } },
        sql: {
          shop: {
            sqlite: path.join(home, 'shop.db'),
            queries: { item: { sql: 'SELECT item FROM orders WHERE id = :id', parameters: { id: 'integer' } } },
          },
        },
        http: { clock: { base_url: api.url, resources: { Time: { path: '/time' } } } },
      },
    },
  });
  platform.writePolicy(
    'pets.cedar',
    'forbid (principal in Role::"caller", action == Action::"call", resource == Tool::"pets/deletePet");',
  );
  const starting = async () => {
    const { sources } = (await platform.admin.operate('sources.list', {})) as { sources: { state: string }[] };
    return sources.some(({ state }) => state === 'starting');
  };
  while (await starting()) await new Promise((resolve) => setTimeout(resolve, 50));
  await platform.admin.operate('secrets.set', { name: 'pets-key', value: SECRET });
  token = await platform.token('caller');
});
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await api?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

describe.each(ERAS)('the official MCP client, %s', (mode) => {
  let client: Client;
  let pets: Client;
  beforeAll(async () => {
    client = await connectV2(`${platform.url}/mcp`, mode, { token });
    pets = await connectV2(`${platform.url}/mcp/pets`, mode, { token });
  });
  afterAll(async () => {
    await client?.close();
    await pets?.close();
  });

  it(`finds operations of an OpenAPI document among its tools, and calls them ${claim('P-MCP-GW.openapi')}`, async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['pets_getPet', 'pets_deletePet', 'shop_item']),
    );
    expect((await pets.listTools()).tools.map(({ name }) => name)).toEqual(['deletePet', 'getPet']);
    const result = await pets.callTool({ name: 'getPet', arguments: { id: 7 } });
    expect(result.structuredContent).toMatchObject({ id: 7, seen: { 'x-key': '[secret]' } });
    expect((await client.callTool({ name: 'shop_item', arguments: { id: 2 } })).structuredContent).toMatchObject({
      rows: [{ item: 'milk' }],
    });
  });

  it('is denied what policy forbids, and the API hears nothing of it', async () => {
    const result = await client.callTool({ name: 'pets_deletePet', arguments: { id: 7 } });
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/^PERMISSION_DENIED/) }] });
    expect(api.requests.filter(({ method }) => method === 'DELETE')).toEqual([]);
  });

  it(`reads files, rows and what an API has as resources ${claim('P-MCP-GW.resources')}`, async () => {
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(
      expect.arrayContaining([
        'mcp:notes/file:///hello.md',
        'mcp:shop/sql:///tables/orders',
        'mcp:shop/sql:///schema',
        'mcp:clock/api:///time',
      ]),
    );
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toContain('mcp:notes/file:///{+path}');
    const read = async (uri: string) => (await client.readResource({ uri })).contents[0];
    expect(await read('mcp:notes/file:///hello.md')).toMatchObject({ mimeType: 'text/markdown', text: '# Hello' });
    expect(await read('mcp:shop/sql:///tables/orders/1')).toMatchObject({ text: '{"id":1,"item":"tea"}' });
    expect(await read('mcp:clock/api:///time')).toMatchObject({ text: '{"now":"noon"}' });
    await expect(read('mcp:notes/file:///../shop.db')).rejects.toThrow(/no file/);
  });

  it('is told when a folder has changed', async () => {
    const changed = Promise.withResolvers<void>();
    const listening = await connectV2(`${platform.url}/mcp/notes`, mode, {
      token,
      listChanged: { resources: { autoRefresh: false, onChanged: () => changed.resolve() } },
    });
    writeFileSync(path.join(home, 'notes', `${mode}.md`), 'new');
    await changed.promise;
    expect((await listening.listResources()).resources.map(({ uri }) => uri)).toContain(`file:///${mode}.md`);
    await listening.close();
  });
});

describe('the platform', () => {
  it('says which source failed, and serves the others', async () => {
    const { sources } = (await platform.admin.operate('sources.list', {})) as { sources: unknown[] };
    expect(sources).toContainEqual(
      expect.objectContaining({
        name: 'broken',
        state: 'failed',
        error: expect.stringMatching(/nowhere\.yaml does not exist/),
      }),
    );
    expect(sources).toContainEqual(
      expect.objectContaining({ name: 'pets', kind: 'openapi', state: 'active', tools: 2 }),
    );
  });

  it('and so does "aip doctor"', async () => {
    const { code, stdout } = await aip(['doctor', '--url', platform.url, '--data-dir', platform.folder], home);
    expect(code).not.toBe(0);
    expect(stdout).toMatch(/sources\.openapi\.broken +FAILED .*nowhere\.yaml does not exist/);
    expect(stdout).not.toContain('sources.openapi.pets');
  });

  it('calls the same tools and resources over plain HTTP', async () => {
    const invoke = async (to: string, args: object) => {
      const response = await fetch(`${platform.url}/v1/invoke`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ to, arguments: args }),
      });
      return (await response.json()) as { result?: unknown };
    };
    expect((await invoke('tool:pets/getPet', { id: 7 })).result).toMatchObject({ id: 7 });
    expect((await invoke('resource:notes/file:///hello.md', {})).result).toBe('# Hello');
  });

  it(`shows the API’s key to nobody: not in answers, not in its log, not on disk ${claim('P-MCP-GW.sources-secrets')}`, async () => {
    expect(api.requests.some(({ headers }) => headers['x-key'] === SECRET)).toBe(true);
    await platform.stop();
    expect(platform.stdout + platform.stderr + everyByte(platform.folder)).not.toContain(SECRET);
  });
});
