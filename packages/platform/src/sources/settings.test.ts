import { describe, expect, it } from 'vitest';
import { loadConfig } from '../main/config.ts';

/** What is wrong with these settings, by their names. */
function faults(settings: object): string {
  try {
    loadConfig({ env: {}, flags: settings as Record<string, unknown>, cwd: '/nowhere' });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the settings of sources', () => {
  it('need nothing', () => {
    expect(loadConfig({ env: {}, cwd: '/nowhere' }).sources).toEqual({ openapi: {}, files: {}, sql: {}, http: {} });
  });

  it.each([
    [
      { files: { a: { root: '.' } }, sql: { a: { sqlite: 'x' } } },
      /sources\.sql\.a: sources\.files has one of that name already/,
    ],
    [{ files: { aip: { root: '.' } } }, /sources\.files\.aip/],
    [{ sql: { a: {} } }, /sources\.sql\.a: set one of sqlite, postgres/],
    [{ sql: { a: { sqlite: 'x', postgres: 'postgres://h/d' } } }, /sources\.sql\.a: set one of sqlite, postgres/],
    [{ sql: { a: { postgres: 'mysql://h/d' } } }, /sources\.sql\.a\.postgres/],
    [{ http: { a: { base_url: 'file:///etc', resources: {} } } }, /sources\.http\.a\.base_url/],
    [
      { http: { a: { base_url: 'http://h', resources: { r: { path: 'no-slash' } } } } },
      /sources\.http\.a\.resources\.r\.path/,
    ],
    [{ openapi: { a: { document: 'x', auth: { bearer: 'in-plain-text' } } } }, /sources\.openapi\.a\.auth/],
  ])('%j is refused by name', (sources, message) => {
    expect(faults({ sources })).toMatch(message);
  });

  it('share their names with MCP servers', () => {
    const mcp = { servers: { a: { url: 'https://example.org/mcp' } } };
    expect(faults({ mcp, sources: { files: { a: { root: '.' } } } })).toMatch(
      /sources\.files\.a: mcp\.servers has one/,
    );
  });
});
