import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './config.ts';
import { temporaryFolder } from './testing.ts';

function load(text: string) {
  using folder = temporaryFolder();
  writeFileSync(path.join(folder.path, 'aip.yaml'), text);
  return loadConfig({ env: {}, cwd: folder.path }).mcp;
}

describe(`virtual servers in the settings ${claim('P-MCP-GW.virtual')}`, () => {
  it('name their tools by target alone, or with words and arguments of their own', () => {
    const { virtual, search_above } = load(`
mcp:
  search_above: 40
  virtual:
    desk:
      tools:
        find: tool:crm/search
        ask: skill:clerk/answer
        who: operation:agents.list
        rules: { target: tool:files/read, description: The rules., arguments: { path: /srv/rules.txt } }
      resources: ['resource:files/file:///srv/*']
      search_above: 0
`);
    expect(search_above).toBe(40);
    expect(virtual['desk']).toEqual({
      tools: {
        find: { target: 'tool:crm/search' },
        ask: { target: 'skill:clerk/answer' },
        who: { target: 'operation:agents.list' },
        rules: { target: 'tool:files/read', description: 'The rules.', arguments: { path: '/srv/rules.txt' } },
      },
      resources: ['resource:files/file:///srv/*'],
      prompts: [],
      search_above: 0,
    });
  });

  it.each([
    ['an illegal name of a tool', 'tools: { "a b": tool:x/y }', 'mcp.virtual.desk.tools.a b'],
    ['a target without a kind', 'tools: { a: files/read }', 'mcp.virtual.desk.tools.a: tool:<server>/<tool>'],
    ['a target of another kind', 'tools: { a: resource:files/x }', 'mcp.virtual.desk.tools.a'],
    ['an unknown field', 'tools: { a: { target: tool:x/y, rename: b } }', 'mcp.virtual.desk.tools.a'],
    ['all resources of all servers', 'resources: ["resource:*"]', 'mcp.virtual.desk.resources.0'],
    ['a tool among resources', 'resources: ["tool:x/y"]', 'mcp.virtual.desk.resources.0'],
    ['a negative number of tools', 'search_above: -1', 'mcp.virtual.desk.search_above'],
  ])('may not have %s', (_what, text, fault) => {
    expect(() => load(`mcp: { virtual: { desk: { ${text} } } }`)).toThrow(fault);
  });
});
