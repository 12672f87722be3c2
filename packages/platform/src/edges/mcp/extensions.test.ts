import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import type { Client } from '@modelcontextprotocol/client';
import { ProtocolError, Server } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorBody } from '../../kernel/error-body.ts';
import { PASS, type Guard } from '../../kernel/guard.ts';
import { startSdkServer, type SdkServer } from './sdk-server.testing.ts';
import { connectV2, createTestGateway, ERAS, type TestGateway } from './testing.ts';

const APPS = 'io.modelcontextprotocol/ui';
const SKILLS = 'io.modelcontextprotocol/skills';
const VIEW = 'ui://clock/view.html';
const HTML = '<html>12:00</html>';
const Anything = z.looseObject({});

const file = (uri: string) => ({ uri, digest: `sha256:${'0'.repeat(64)}`, size: 3 });
const skill = (name: string) => ({
  uri: `skill://${name}/SKILL.md`,
  frontmatter: { name, description: `How to ${name}.` },
  resources: [file(`skill://${name}/SKILL.md`), file(`skill://${name}/notes/a.md`)],
});

/** A server with a user interface, and with skills of which it lists one at a time. */
function make(names: readonly string[], seen: JsonObject[]): Server {
  const server = new Server(
    { name: 'fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: {},
        resources: {},
        extensions: { [APPS]: {}, [SKILLS]: { directoryRead: true }, 'com.example/private': { secret: 'plan' } },
      },
    },
  );
  const _meta = { ui: { resourceUri: VIEW, visibility: ['model', 'app'] }, 'ui/resourceUri': VIEW };
  server.setRequestHandler('tools/list', () => ({
    tools: [{ name: 'clock', inputSchema: { type: 'object' }, _meta }],
  }));
  server.setRequestHandler('tools/call', (_request, ctx) => {
    seen.push({ ...ctx.mcpReq.envelope });
    return { content: [{ type: 'text', text: '12:00' }] };
  });
  // The interface is not in the list: hosts know it from the tool.
  server.setRequestHandler('resources/list', () => ({ resources: [] }));
  server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: [] }));
  server.setRequestHandler('resources/read', ({ params: { uri } }) => ({
    contents: [{ uri, mimeType: 'text/html;profile=mcp-app', text: HTML, _meta: { ui: { prefersBorder: true } } }],
  }));
  server.setRequestHandler(
    'skills/list',
    { params: z.looseObject({ cursor: z.string().optional() }) },
    ({ cursor = '0' }) => {
      const at = Number(cursor);
      return { skills: [skill(names[at]!)], ...(at + 1 < names.length ? { nextCursor: String(at + 1) } : {}) };
    },
  );
  server.setRequestHandler('skills/get', { params: z.looseObject({ uri: z.string() }) }, ({ uri }) => {
    const found = names.map(skill).find((known) => known.uri === uri);
    if (!found) throw new ProtocolError(-32602, `No skill is served at ${uri}`);
    return { skill: found, ttlMs: 60_000, cacheScope: 'public' };
  });
  server.setRequestHandler('resources/directory/read', { params: z.looseObject({ uri: z.string() }) }, ({ uri }) => ({
    resources: [{ uri: `${uri}/a.md`, name: 'a.md', mimeType: 'text/markdown' }],
  }));
  return server;
}

const servers: SdkServer[] = [];
const seen: JsonObject[] = [];
let gateway: TestGateway;
let denies = false;
const reads: string[] = [];
const policy: Guard = {
  name: 'policy',
  admit: ({ message }) => {
    if (message.action === 'read') reads.push(message.to);
    return message.action === 'read' && denies
      ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'No reading today.') }
      : PASS;
  },
};

beforeAll(async () => {
  servers.push(await startSdkServer('modern', () => make(['brew', 'pour'], seen)));
  servers.push(await startSdkServer('legacy', () => make(['weld'], seen)));
  const [tea, iron] = servers as [SdkServer, SdkServer];
  gateway = await createTestGateway({
    servers: { iron: { url: iron.url }, tea: { url: tea.url } },
    slots: { policy },
    edge: {
      virtual: {
        kitchen: {
          tools: { time: { target: 'tool:tea/clock' } },
          resources: ['resource:tea/skill://pour/*', 'resource:tea/ui://*'],
          prompts: [],
        },
      },
    },
  });
});
afterAll(async () => {
  for (const item of [gateway, ...servers]) await item[Symbol.asyncDispose]();
});

const ask = async (client: Client, method: string, params: JsonObject = {}): Promise<JsonObject> =>
  (await client.request({ method, params }, Anything)) as JsonObject;
const uris = (items: unknown): string[] => (items as { uri: string }[]).map(({ uri }) => uri);

describe.each(ERAS)(`extensions of servers, for a client of the era %s`, (era) => {
  const at = (path: string) => connectV2(`${gateway.url}/mcp${path}`, era);

  it(`are declared where they reach the server, and only those ${claim('P-MCP-GW.extensions')}`, async () => {
    for (const path of ['', '/tea', '/iron', '/v/kitchen']) {
      const client = await at(path);
      const { extensions = {} } = client.getServerCapabilities()!;
      expect(extensions).toMatchObject({ [APPS]: {}, [SKILLS]: { directoryRead: true } });
      expect(extensions).not.toHaveProperty('com.example/private');
      await client.close();
    }
  });

  it(`lead from a tool to its user interface ${claim('P-MCP-GW.apps')}`, async () => {
    const names = { '': 'tea_clock', '/tea': 'clock', '/v/kitchen': 'time' };
    for (const [path, name] of Object.entries(names)) {
      const client = await at(path);
      const { tools } = await client.listTools();
      const _meta = tools.find((tool) => tool.name === name)!._meta as JsonObject;
      const uri = (_meta['ui'] as JsonObject)['resourceUri'] as string;
      expect(uri).toMatch(/^ui:\/\//);
      expect(_meta['ui/resourceUri']).toBe(uri);
      const { contents } = await client.readResource({ uri });
      expect(contents).toMatchObject([
        { uri, mimeType: 'text/html;profile=mcp-app', text: HTML, _meta: { ui: { prefersBorder: true } } },
      ]);
      await client.close();
    }
  });

  it(`list skills page by page, of every server in turn, each readable by its URI ${claim('P-MCP-GW.skills')}`, async () => {
    const client = await at('');
    const found: string[] = [];
    let cursor: unknown;
    do {
      const page = await ask(client, 'skills/list', typeof cursor === 'string' ? { cursor } : {});
      expect(page).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
      for (const entry of page['skills'] as { uri: string; resources: { uri: string }[] }[]) {
        found.push(entry.uri);
        expect(uris(entry.resources)[0]).toBe(entry.uri);
      }
      cursor = page['nextCursor'];
    } while (cursor !== undefined);
    expect(found).toEqual([
      'mcp:iron/skill://weld/SKILL.md',
      'mcp:tea/skill://brew/SKILL.md',
      'mcp:tea/skill://pour/SKILL.md',
    ]);
    for (const uri of found) {
      expect(await ask(client, 'skills/get', { uri })).toMatchObject({ skill: { uri } });
      expect((await client.readResource({ uri })).contents).toMatchObject([{ uri }]);
    }
    expect(await ask(client, 'resources/directory/read', { uri: 'mcp:tea/skill://brew/notes' })).toMatchObject({
      resources: [{ uri: 'mcp:tea/skill://brew/notes/a.md' }],
    });
    await expect(ask(client, 'skills/list', { cursor: 'made-up' })).rejects.toMatchObject({ code: -32602 });
    await client.close();
  });

  it(`are under their own URIs at the endpoint of one server ${claim('P-MCP-GW.skills')}`, async () => {
    const client = await at('/tea');
    const first = await ask(client, 'skills/list');
    expect(uris(first['skills'])).toEqual(['skill://brew/SKILL.md']);
    const second = await ask(client, 'skills/list', { cursor: first['nextCursor']! });
    expect(uris(second['skills'])).toEqual(['skill://pour/SKILL.md']);
    await expect(ask(client, 'skills/get', { uri: 'skill://none/SKILL.md' })).rejects.toThrow(/No skill is served/);
    await client.close();
  });

  it(`show no more of a virtual server than it lets through ${claim('P-MCP-GW.skills')}`, async () => {
    const client = await at('/v/kitchen');
    const first = await ask(client, 'skills/list');
    const second = await ask(client, 'skills/list', { cursor: first['nextCursor']! });
    expect([...uris(first['skills']), ...uris(second['skills'])]).toEqual(['mcp:tea/skill://pour/SKILL.md']);
    const hidden = { uri: 'mcp:tea/skill://brew/SKILL.md' };
    await expect(ask(client, 'skills/get', hidden)).rejects.toMatchObject({ code: -32602 });
    await client.close();
  });

  it(`are read as everything is: by whom policy lets ${claim('P-MCP-GW.skills')}`, async () => {
    const client = await at('/tea');
    reads.length = 0;
    await ask(client, 'skills/list');
    expect(reads).toEqual(['resource:tea/{+uri}']);
    denies = true;
    await expect(ask(client, 'skills/list')).rejects.toThrow(/No reading today/);
    await expect(ask(client, 'skills/get', { uri: 'skill://brew/SKILL.md' })).rejects.toThrow(/No reading today/);
    denies = false;
    await client.close();
  });
});

it(`tells a server which user interfaces the caller shows ${claim('P-MCP-GW.apps')}`, async () => {
  const apps = { [APPS]: { mimeTypes: ['text/html;profile=mcp-app'] } };
  for (const extensions of [apps, {}]) {
    const client = await connectV2(`${gateway.url}/mcp/tea`, 'auto', { capabilities: { extensions } });
    seen.length = 0;
    await client.callTool({ name: 'clock', arguments: {} });
    const declared = seen[0]!['io.modelcontextprotocol/clientCapabilities'] as JsonObject;
    expect((declared['extensions'] as JsonObject | undefined)?.[APPS]).toEqual(
      (extensions as Record<string, unknown>)[APPS],
    );
    await client.close();
  }
});
