import { claim } from '@aip/conformance';
import { array, assert, constantFrom, oneof, property, string, stringMatching, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aliasName, isLegalName, plainName } from './naming.ts';

type Named = Parameters<typeof plainName>[0];

const tool = (server: string, name: string): Named => ({ kind: 'tool', owner: server, ownerName: server, name });
const skill = (did: string, agent: string, name: string): Named => ({
  kind: 'skill',
  owner: did,
  ownerName: agent,
  name,
});
const operation = (name: string): Named => ({
  kind: 'operation',
  owner: name.split('.')[0] as string,
  ownerName: 'aip',
  name,
});

const nameOf = (entry: Named): string => plainName(entry) ?? aliasName(entry);

describe(`names for MCP clients ${claim('P-MCP-GW.names')}`, () => {
  it('join owner and name', () => {
    expect(plainName(tool('filesystem', 'read_file'))).toBe('filesystem_read_file');
    expect(plainName(skill('did:key:z6Mk', 'travel-agent', 'book'))).toBe('travel-agent_book');
    expect(plainName(operation('agents.list'))).toBe('aip_agents_list');
  });

  it('keep apart what would read the same', () => {
    expect(plainName(tool('a_b', 'c'))).toBe('a__b_c');
    expect(plainName(tool('a', 'b_c'))).toBe('a_b_c');
    expect(plainName(tool('a', '_b_c'))).toBeUndefined();
    expect(plainName(tool('a_', 'b'))).toBe('a___b');
  });

  it('fall back to an alias for what no client would take', () => {
    for (const name of ['files.read', 'a/b', 'räum auf', 'x'.repeat(80), '', '__proto__']) {
      expect(plainName(tool('server', name))).toBeUndefined();
      expect(aliasName(tool('server', name))).toMatch(/^server_.*_x[a-z2-7]{16}$/);
    }
  });

  it('leave the platform’s own prefix to the platform', () => {
    expect(plainName(tool('aip', 'agents_list'))).toBeUndefined();
    expect(plainName(tool('AIP', 'agents_list'))).toBeUndefined();
    expect(nameOf(skill('did:key:z6Mk', 'aip', 'agents_list'))).not.toBe('aip_agents_list');
  });

  it('cannot be made to look like another’s alias', () => {
    const victim = aliasName(tool('bank', 'pay money'));
    const [owner, ...rest] = victim.split('_');
    expect(plainName(tool(owner as string, rest.join('_')))).toBeUndefined();
  });

  it('are legal and mean one thing each, whatever the parts are', () => {
    const part = oneof(
      stringMatching(/^[ab_-]{0,6}$/),
      stringMatching(/^[a-zA-Z0-9_.-]{1,70}$/),
      string({ maxLength: 80 }),
      constantFrom('aip', 'AIP', 'a__b', '_', '__', '___'),
    );
    const entry = oneof(
      tuple(part, part).map(([server, name]) => tool(server, name)),
      tuple(part, part).map(([agent, name]) => skill(`did:${agent}`, agent, name)),
      stringMatching(/^[a-c]{1,2}\.[a-c_]{1,3}$/).map(operation),
    );
    assert(
      property(array(entry, { minLength: 2, maxLength: 40 }), (entries) => {
        const seen = new Map<string, string>();
        for (const item of entries) {
          const alias = aliasName(item);
          const identity = JSON.stringify([item.kind, item.owner, item.name]);
          expect(isLegalName(alias)).toBe(true);
          expect(seen.get(alias) ?? identity).toBe(identity);
          seen.set(alias, identity);
          const plain = plainName(item);
          if (plain === undefined) continue;
          // A server and an agent may bear one name: that is told apart where both are known.
          const written = JSON.stringify([item.ownerName, item.name]);
          expect(isLegalName(plain)).toBe(true);
          expect(seen.get(plain) ?? written).toBe(written);
          seen.set(plain, written);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
