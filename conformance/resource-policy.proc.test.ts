import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { claim } from '@aip/conformance';
import type { JsonObject } from '@aip/wire';
import { toNodeHandler, type NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { post } from '../packages/platform/src/edges/mcp/testing.ts';
import { temporaryFolder } from '../packages/platform/src/main/testing.ts';
import { startPlatformProcess, type PlatformProcess } from './fixtures/platform-process.ts';

/** What callers may read, by URI alone: some by a permit that names it, some by a forbid that does. */
const POLICY = `
@id("around") permit (principal in Role::"caller", action == Action::"operate", resource)
when { resource.plane == "data" && resource.effect == "read" };

@id("open-notes") permit (principal in Role::"caller", action == Action::"read", resource in Server::"notes")
when { context.arguments has uri && context.arguments.uri like "note://box/open/*" };
@id("one-note") permit (principal in Role::"caller", action == Action::"read", resource == Resource::"notes/note://box/one");

@id("files") permit (principal in Role::"caller", action == Action::"read", resource in Server::"tree");
@id("no-secrets") forbid (principal, action == Action::"read", resource in Server::"tree")
when { context.arguments has uri && context.arguments.uri like "file:///secret/*" };
@id("no-listed-secret") forbid (principal, action == Action::"read", resource == Resource::"tree/file:///plan.md");
`;

const folder = temporaryFolder();
/** URIs that reads of the upstream server have reached it with. */
const reached: string[] = [];
let platform: PlatformProcess;
let token: string;
let closeUpstream: () => Promise<void>;

/** A server of the official SDK that decodes what it is asked for, as lenient servers do. */
async function startUpstream(): Promise<string> {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'notes', version: '1.0.0' }, { capabilities: { resources: {} } });
      const answer = (uri: URL): { contents: { uri: string; text: string }[] } => {
        reached.push(uri.href);
        return { contents: [{ uri: uri.href, text: decodeURIComponent(uri.pathname) }] };
      };
      for (const name of ['one', 'secret', 'open/listed'])
        server.registerResource(name, `note://box/${name}`, {}, answer);
      server.registerResource('any', new ResourceTemplate('note://box/{+path}', { list: undefined }), {}, answer);
      return server;
    },
    { legacy: 'reject' },
  );
  const serve = toNodeHandler(handler);
  const http = createServer((request, response) => void serve(request as NodeIncomingMessageLike, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closeUpstream = async () => {
    const closed = new Promise((resolve) => http.close(resolve));
    http.closeAllConnections();
    await closed;
  };
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
}

beforeAll(async () => {
  const root = path.join(folder.path, 'tree');
  for (const [name, text] of [
    ['open/a.md', 'open'],
    ['secret/b.md', 'hidden'],
    ['plan.md', 'hidden'],
    ['notes.md', 'open'],
  ] as const) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  // The log of a platform that is stopped in the middle of a test is not in the way of the next one.
  const data = path.join(folder.path, 'data');
  mkdirSync(path.join(data, 'policies'), { recursive: true });
  writeFileSync(
    path.join(data, 'policies', 'starter.cedar'),
    '@id("admin") permit (principal in Role::"admin", action, resource);',
  );
  writeFileSync(path.join(data, 'policies', 'reads.cedar'), POLICY);
  platform = await startPlatformProcess({
    folder: data,
    settings: {
      mcp: { servers: { notes: { url: await startUpstream() } } },
      sources: { files: { tree: { root, include: ['*.md', 'open/**'] } } },
    },
  });
  token = await platform.token('alice', ['caller']);
}, 60_000);

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await closeUpstream?.();
  folder[Symbol.dispose]();
});

type Outcome = { readonly text?: string; readonly code?: unknown };

/** resources/read, with the very spelling. */
async function overMcp(scope: string, uri: string): Promise<Outcome> {
  const { body } = await post(
    `${platform.url}${scope}`,
    'resources/read',
    { uri },
    {
      headers: {
        authorization: `Bearer ${token}`,
        'mcp-name': encodeURI(uri) === uri ? uri : `=?base64?${Buffer.from(uri).toString('base64')}?=`,
      },
    },
  );
  const result = body['result'] as { contents: { text: string }[] } | undefined;
  if (result) return { text: result.contents[0]!.text };
  const error = body['error'] as { data?: JsonObject; code: number };
  return { code: error.data?.['code'] ?? error.code };
}

async function overHttp(to: string, args: JsonObject): Promise<Outcome> {
  try {
    return { text: JSON.stringify(await platform.client(token).invoke(to, args)) };
  } catch (error) {
    return { code: (error as { code: string }).code };
  }
}

describe(`a resource of a server is read where a policy permits its URI ${claim('P-MCP-GW.uris')}`, () => {
  test.each([
    ['note://box/one', '/one'],
    ['NOTE://box/%6fne', '/one'],
    ['note://box/open/listed', '/open/listed'],
    ['note://box/open/x', '/open/x'],
    ['note://box/open/y/../x', '/open/x'],
  ])('%s', async (uri, text) => {
    expect(await overMcp('/mcp/notes', uri)).toEqual({ text });
    expect(await overMcp('/mcp', `mcp:notes/${uri}`)).toEqual({ text });
  });

  test.each([
    'note://box/secret',
    'note://box/other',
    'note://box/%73ecret',
    'NOTE://box/secret',
    'note://box/open/../secret',
    'note://box/open/%2e%2e/secret',
    'note://box/open/%2E%2E%2Fsecret',
    'note://box/open/..%2fother',
    'note://box/open/%2e%2e%5cother',
    'note://box/open/..\\other',
    'note://box/./open/../../box/secret',
    'note://box//secret',
    'note://box/secret#/open/',
    'note://box/secret?note://box/open/',
    'note://box/{+path}',
    'note://BOX/secret',
  ])('%s is not', async (uri) => {
    const before = reached.length;
    for (const [scope, asked] of [
      ['/mcp/notes', uri],
      ['/mcp', `mcp:notes/${uri}`],
    ] as const) {
      const { text, code } = await overMcp(scope, asked);
      expect(text).toBeUndefined();
      expect(code).toSatisfy((is: unknown) => ['PERMISSION_DENIED', 'INVALID_ARGUMENT', -32602].includes(is as never));
    }
    for (const to of ['resource:notes/note://box/{+path}', 'resource:notes/note://box/one'])
      expect(await overHttp(to, { uri })).toEqual({
        code: expect.stringMatching(/^(PERMISSION_DENIED|INVALID_ARGUMENT)$/),
      });
    expect(reached.slice(before)).toEqual([]);
  });

  test.each([
    { path: 'secret' },
    { path: 'open/../secret' },
    { path: 'open/..\\secret' },
    { path: 'open/%2e%2e/secret' },
    {},
  ])('nor by the variables of its template: %j', async (variables) => {
    const before = reached.length;
    const { text, code } = await overHttp('resource:notes/note://box/{+path}', variables);
    if (text === undefined) expect(code).toMatch(/^(PERMISSION_DENIED|INVALID_ARGUMENT)$/);
    expect(reached.slice(before).filter((uri) => !uri.startsWith('note://box/open/'))).toEqual([]);
  });
});

describe(`a file of the platform is read unless a policy forbids its URI ${claim('P-MCP-GW.uris')}`, () => {
  test.each([
    ['file:///notes.md', 'open'],
    ['FILE://localhost/notes%2Emd', 'open'],
    ['file:///open/a.md', 'open'],
    ['file:///secret/../open/a.md', 'open'],
  ])('%s', async (uri, text) => {
    expect(await overMcp('/mcp/tree', uri)).toEqual({ text });
    expect(await overMcp('/mcp', `mcp:tree/${uri}`)).toEqual({ text });
  });

  test.each([
    'file:///secret/b.md',
    'file:///plan.md',
    'file:///secret/',
    'file:///%73ecret/b.md',
    'FILE:///secret/b.md',
    'file://localhost/secret/b.md',
    'file:///open/../secret/b.md',
    'file:///open/%2e%2e/secret/b.md',
    'file:///open%2F..%2Fsecret/b.md',
    'file:///secret%2Fb.md',
    'file:///secret%5Cb.md',
    'file:////secret/b.md',
    'file:///secret/b.md#x',
    'file:///./plan.md',
    'file:///plan%2Emd',
    'file:///plan.md?x',
    'file:/plan.md',
    'file:///open/..%2Fplan.md',
  ])('%s is not', async (uri) => {
    for (const outcome of [
      await overMcp('/mcp/tree', uri),
      await overMcp('/mcp', `mcp:tree/${uri}`),
      await overHttp('resource:tree/file:///{+path}', { uri }),
      await overHttp('resource:tree/file:///{+path}', { path: uri.replace(/^file:\/+/i, '') }),
    ]) {
      expect(JSON.stringify(outcome)).not.toContain('hidden');
      expect(outcome.text ?? '').not.toContain('b.md');
    }
  });
});
