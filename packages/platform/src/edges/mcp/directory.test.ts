import { claim } from '@aip/conformance';
import { describe, expect, it } from 'vitest';
import { createCatalogue } from '../../exchange/catalogue.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { createDirectory, EVERYTHING } from './directory.ts';

const common = { description: '', effect: 'external', idempotent: false, price: 0, state: 'active' } as const;
const tool = (server: string, name: string, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  ...common,
  address: `tool:${server}/${name}`,
  kind: 'tool',
  name,
  owner: server,
  ownerName: server,
  ...more,
});
const skill = (did: string, agent: string, name: string, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  ...common,
  address: `skill:${did}/${name}`,
  kind: 'skill',
  name,
  owner: did,
  ownerName: agent,
  ...more,
});
const resource = (kind: 'resource' | 'template', server: string, name: string): CatalogueEntry => ({
  ...common,
  address: `resource:${server}/${name}`,
  kind,
  name,
  owner: server,
  ownerName: server,
  native: {},
});

function directoryOf(...entries: readonly CatalogueEntry[]) {
  const catalogue = createCatalogue();
  const directory = createDirectory(catalogue);
  for (const owner of new Set(entries.map((entry) => entry.owner)))
    catalogue.put(
      owner,
      entries.filter((entry) => entry.owner === owner),
    );
  const names = () => directory.tools(EVERYTHING, catalogue.list()).map((definition) => definition['name'] as string);
  return { catalogue, directory, names };
}

describe(`the catalogue under MCP names ${claim('P-MCP-GW.names')}`, () => {
  it('keeps the operations of a domain out of a server that is called like the domain', () => {
    const status = { ...tool('tasks', 'list'), address: 'operation:tasks.list', kind: 'operation' } as const;
    const { catalogue, directory } = directoryOf(tool('tasks', 'add'), tool('notes', 'read'));
    catalogue.put('operations', [status]);
    const scope = { kind: 'server', owner: 'tasks' } as const;
    expect(directory.tools(scope, catalogue.list()).map(({ name }) => name)).toEqual(['add']);
    expect(directory.size(scope)).toBe(1);
  });

  it('leads every name that it shows back to the one entry', () => {
    const entries = [
      tool('a_b', 'c'),
      tool('a', 'b_c'),
      tool('a', 'x.y'),
      skill('did:1', 'a', 'b_c'),
      skill('did:2', 'twin', 'do'),
      skill('did:3', 'twin', 'do'),
    ];
    const { directory, names } = directoryOf(...entries);
    expect(new Set(names()).size).toBe(entries.length);
    const found = names().map((name) => directory.tool(EVERYTHING, name)?.address);
    expect(new Set(found)).toEqual(new Set(entries.map((entry) => entry.address)));
  });

  it('keeps a server’s plain names when an agent takes its name', () => {
    const { catalogue, directory } = directoryOf(tool('bank', 'pay'));
    catalogue.put('did:evil', [skill('did:evil', 'bank', 'pay')]);
    expect(directory.tool(EVERYTHING, 'bank_pay')?.owner).toBe('bank');
  });

  it('gives neither of two equal agents the plain name, and it back to the one that stays', () => {
    const { catalogue, directory } = directoryOf(skill('did:1', 'twin', 'do'));
    expect(directory.tool(EVERYTHING, 'twin_do')?.owner).toBe('did:1');
    catalogue.put('did:2', [skill('did:2', 'twin', 'do')]);
    expect(directory.tool(EVERYTHING, 'twin_do')).toBeUndefined();
    catalogue.remove('did:1');
    expect(directory.tool(EVERYTHING, 'twin_do')?.owner).toBe('did:2');
  });

  it('shows servers that are down, but neither absent agents nor what is quarantined', () => {
    const { directory, names } = directoryOf(
      tool('s', 'down', { state: 'offline' }),
      tool('s', 'bad', { state: 'quarantined' }),
      skill('did:1', 'away', 'do', { state: 'offline' }),
    );
    expect(names()).toEqual(['s_down']);
    // Who knows its name is told by the exchange what became of it.
    expect(directory.tool(EVERYTHING, 's_bad')).toMatchObject({ state: 'quarantined' });
    expect(directory.tool(EVERYTHING, 'x_away')).toBeUndefined();
  });

  it('shows a scope’s own names only, and reads an agent’s odd ones by alias', () => {
    const { catalogue, directory } = directoryOf(
      tool('s', 'a b'),
      skill('did:1', 'x', 'tidy up'),
      skill('did:1', 'x', 'sing'),
    );
    const server = { kind: 'server', owner: 's' } as const;
    const agent = { kind: 'agent', owner: 'did:1' } as const;
    expect(directory.tools(server, catalogue.list()).map((definition) => definition['name'])).toEqual(['a b']);
    const [sing, tidy] = directory.tools(agent, catalogue.list()).map((definition) => definition['name'] as string);
    expect(sing).toBe('sing');
    expect(tidy).toMatch(/^x_tidy-up_x/);
    expect(directory.tool(agent, tidy!)?.name).toBe('tidy up');
    expect(directory.tool(server, tidy!)).toBeUndefined();
  });

  it('finds the entry through which a URI is read: itself, the nearest template, or the server', () => {
    const { directory } = directoryOf(
      resource('resource', 's', 'file:///a'),
      resource('template', 's', 'file:///{path}'),
      resource('template', 's', 'file:///secret/{path}'),
      resource('template', 's', '{+uri}'),
    );
    const entry = (uri: string) => directory.resource(EVERYTHING, uri)?.entry.name;
    expect(entry('mcp:s/file:///a')).toBe('file:///a');
    expect(entry('mcp:s/file:///b')).toBe('file:///{path}');
    expect(entry('mcp:s/file:///secret/b')).toBe('file:///secret/{path}');
    expect(entry('mcp:s/file:///secret/../a')).toBe('file:///a');
    expect(entry('mcp:s/file:///%61')).toBe('file:///a');
    expect(() => entry('mcp:s/no uri')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(entry('mcp:s/other:x')).toBe('{+uri}');
    expect(entry('mcp:t/file:///a')).toBeUndefined();
    expect(entry('file:///a')).toBeUndefined();
    expect(directory.resource({ kind: 'server', owner: 's' }, 'file:///a')).toMatchObject({ uri: 'file:///a' });
  });

  it(`says which lists have changed ${claim('P-MCP-GW.changes')}`, () => {
    const { catalogue, directory } = directoryOf(tool('s', 'a'), resource('resource', 's', 'r:1'));
    const seen: string[][] = [];
    directory.onChange((_owner, lists) => seen.push([...lists]));
    catalogue.put('s', [tool('s', 'a'), resource('resource', 's', 'r:1')]);
    expect(seen).toEqual([]);
    catalogue.put('s', [tool('s', 'a', { description: 'new' }), resource('resource', 's', 'r:1')]);
    catalogue.put('s', [tool('s', 'a', { description: 'new' })]);
    catalogue.put('s', [tool('s', 'a', { description: 'new', state: 'offline' })]);
    catalogue.put('s', [tool('s', 'a', { description: 'new', state: 'quarantined' })]);
    expect(seen).toEqual([['tools'], ['resources'], ['tools']]);
  });
});
