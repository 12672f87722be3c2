import { claim } from '@aip/conformance';
import { assert, property, string } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { declaredHeaders, decodeHeader, encodeHeader, headerMismatch, paramHeaders } from './param-headers.ts';
import { createTestGateway, post, type TestGateway } from './testing.ts';

const schema = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    nested: { type: 'object', properties: { count: { type: 'integer', 'x-mcp-header': 'Count' } } },
    plain: { type: 'string' },
    bad: { type: 'string', 'x-mcp-header': 'not a token' },
  },
};

describe(`arguments mirrored into headers ${claim('P-MCP.modern')}`, () => {
  const declared = declaredHeaders(schema);

  it('are those that the schema declares', () => {
    expect(declared).toEqual([
      { path: ['region'], name: 'Region' },
      { path: ['nested', 'count'], name: 'Count' },
    ]);
  });

  it('are sent for what the call carries', () => {
    expect(paramHeaders(declared, { region: 'eu', nested: { count: 3 } })).toEqual({
      'Mcp-Param-Region': 'eu',
      'Mcp-Param-Count': '3',
    });
    expect(paramHeaders(declared, { region: 'Zürich' })).toEqual({ 'Mcp-Param-Region': '=?base64?WsO8cmljaA==?=' });
    expect(paramHeaders(declared, { plain: 'x', nested: null })).toEqual({});
  });

  it('have to agree with the body', () => {
    expect(headerMismatch(declared, { region: 'eu' }, { 'mcp-param-region': 'eu' })).toBeUndefined();
    expect(headerMismatch(declared, { nested: { count: 42 } }, { 'mcp-param-count': '42.0' })).toBeUndefined();
    expect(headerMismatch(declared, {}, { 'mcp-param-region': 'ignored' })).toBeUndefined();
    expect(headerMismatch(declared, { region: 'eu' }, { 'mcp-param-region': 'us' })).toMatch(/contradicts/);
    expect(headerMismatch(declared, { region: 'eu' }, {})).toMatch(/missing/);
    expect(headerMismatch(declared, { region: 'eu' }, { 'mcp-param-region': '=?base64?***?=' })).toMatch(/Base64/);
  });

  it('come back as they were, whatever they hold', () => {
    assert(
      property(
        string({ unit: 'binary' }),
        (text) => decodeHeader(encodeHeader(text)) === text && /^[ -~]*$/.test(encodeHeader(text)),
      ),
    );
  });
});

describe('a call whose headers contradict its arguments', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await createTestGateway();
    gateway.agent(
      'clerk',
      'file',
      async function* (call) {
        yield { type: 'done', body: call.message.body };
      },
      { inputSchema: schema },
    );
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  it('is refused before it is sent', async () => {
    const params = { name: 'clerk_file', arguments: { region: 'eu' } };
    const url = `${gateway.url}/mcp`;
    expect(await post(url, 'tools/call', params, { headers: { 'mcp-param-region': 'us' } })).toMatchObject({
      status: 400,
      body: { id: 1, error: { code: -32020 } },
    });
    expect(await post(url, 'tools/call', params, { headers: { 'mcp-param-region': 'eu' } })).toMatchObject({
      status: 200,
      body: { result: { structuredContent: { region: 'eu' } } },
    });
  });
});
