import { describe, expect, test } from 'vitest';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Crossing } from '../../kernel/guard.ts';
import type { Principal } from '../../kernel/principal.ts';
import { policyRequest } from './request.ts';
import { showEntity } from './value.ts';

const alice: Principal = {
  id: 'service:alice',
  kind: 'service',
  name: 'alice',
  tenant: 'acme',
  assurance: 'token',
  roles: ['caller', 'writer'],
};

const target = (kind: CatalogueEntry['kind'], more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  address: 'tool:notes/write',
  kind,
  name: 'write',
  owner: 'notes',
  ownerName: 'notes',
  description: '',
  effect: 'write',
  idempotent: false,
  price: 0,
  state: 'active',
  ...more,
});

const crossing = (entry: CatalogueEntry, more: Partial<Crossing> = {}): Crossing => ({
  message: {
    id: 'm',
    kind: 'request',
    from: alice,
    to: entry.address,
    action: 'call',
    body: data({ path: '/a' }),
    session: 's',
    edge: 'mcp',
    taskId: 't',
    accepts: {},
  },
  principal: alice,
  target: entry,
  scopes: [],
  depth: 2,
  plane: 'data',
  fingerprint: () => '',
  obligations: [],
  policies: [],
  ...more,
});

describe('a message as a question to the policies', () => {
  test('asks for its sender with its roles, its action and its context', () => {
    const request = policyRequest(crossing(target('tool'), { approval: { askId: 'a', by: 'user:olga' } }));
    expect(showEntity(request.principal)).toBe('Service::"service:alice"');
    expect(showEntity(request.action)).toBe('Action::"call"');
    const sender = request.entities.get(request.principal.uid)!;
    expect(Object.fromEntries(sender.attrs)).toEqual({ name: 'alice', tenant: 'acme', assurance: 'token' });
    expect(sender.parents.map(showEntity)).toEqual(['Role::"caller"', 'Role::"writer"']);
    expect(Object.fromEntries(request.context)).toEqual({ protocol: 'mcp', depth: 2, approved: true });
    expect(request.arguments).toEqual({ path: '/a' });
  });

  test.for<[CatalogueEntry, string, string[], Record<string, unknown>]>([
    [target('tool'), 'Tool::"notes/write"', ['Server::"notes"'], { name: 'write', server: 'notes', effect: 'write' }],
    [
      target('resource', { name: 'file:///a' }),
      'Resource::"notes/file:///a"',
      ['Server::"notes"'],
      { uri: 'file:///a' },
    ],
    [
      target('template', { name: 'file:///{x}' }),
      'Resource::"notes/file:///{x}"',
      ['Server::"notes"'],
      { uri: 'file:///{x}' },
    ],
    [target('prompt'), 'Prompt::"notes/write"', ['Server::"notes"'], { name: 'write' }],
    [
      target('skill', { owner: 'did:key:z6' }),
      'Skill::"did:key:z6/write"',
      ['Agent::"did:key:z6"'],
      { name: 'write', effect: 'write' },
    ],
    [
      target('agent', { owner: 'did:key:z6', tenant: 'acme' }),
      'Agent::"did:key:z6"',
      [],
      { name: 'write', tenant: 'acme', assurance: 'signature' },
    ],
    [
      target('operation', { name: 'kills.kill', owner: 'kills', plane: 'control' }),
      'Operation::"kills.kill"',
      ['Domain::"kills"'],
      { name: 'kills.kill', effect: 'write', plane: 'control' },
    ],
    [
      target('operation', { name: 'agents.list', owner: 'agents' }),
      'Operation::"agents.list"',
      ['Domain::"agents"'],
      { name: 'agents.list', effect: 'write', plane: 'data' },
    ],
  ])('names its target: %s', ([entry, shown, parents, attrs]) => {
    const request = policyRequest(crossing(entry));
    expect(showEntity(request.resource)).toBe(shown);
    const described = request.entities.get(request.resource.uid)!;
    expect(described.parents.map(showEntity)).toEqual(parents);
    expect(Object.fromEntries(described.attrs)).toEqual(attrs);
    for (const parent of described.parents) expect(request.entities.get(parent.uid)).toBeDefined();
  });

  test('says for whom it is sent, at every step of the chain', () => {
    const ann: Principal = { ...alice, id: 'user:ann', kind: 'user', name: 'ann' };
    const agent: Principal = { ...alice, id: 'did:key:z6', kind: 'agent', name: 'scout', roles: [], onBehalfOf: ann };
    const own = policyRequest(crossing(target('tool'), { principal: agent }));
    expect(Object.fromEntries(own.context.get('onBehalfOf') as Map<string, unknown>)).toEqual({
      kind: 'user',
      id: 'user:ann',
      tenant: 'acme',
    });
    const behind = policyRequest(crossing(target('tool'), { principal: agent }), ann);
    expect(showEntity(behind.principal)).toBe('User::"user:ann"');
    expect(behind.context.has('onBehalfOf')).toBe(false);
  });

  test('does not project its arguments before a policy looks at them', () => {
    let looked = 0;
    const message = { ...crossing(target('tool')).message };
    Object.defineProperty(message, 'body', { get: () => (looked++, data({})) });
    const request = policyRequest(crossing(target('tool'), { message }));
    expect(looked).toBe(0);
    expect(request.arguments).toEqual({});
    expect(looked).toBe(1);
  });
});
