import { AipError } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { parseCases, runCases } from './case-table.ts';
import { unvalidated } from './testing.ts';

const POLICY = `
permit (principal in Role::"caller", action == Action::"call", resource in Server::"files")
when { context.arguments has path && context.arguments.path like "/data/*" && context.protocol == "http" };
@approve("operators")
permit (principal, action == Action::"call", resource) when { resource has effect && resource.effect == "write" };`;

describe('a table of cases', () => {
  it('is run against the policies; owners follow from names', async () => {
    const cases = parseCases(`
- name: reads its data
  principal: { entity: 'Service::"service:ci"', in: ['Role::"caller"'] }
  action: call
  resource: 'Tool::"files/read"'
  context: { arguments: { path: /data/x } }
  expect: permit
- principal: 'User::"user:bob"'
  action: 'Action::"call"'
  resource: { entity: 'Tool::"x/y"', attrs: { effect: write } }
  expect: approve
- name: expects too much
  principal: 'User::"user:bob"'
  action: call
  resource: 'Tool::"x/y"'
  expect: permit`);
    const results = runCases(await unvalidated(POLICY), cases);
    expect(results.map(({ name, expected, actual, passed }) => [name, expected, actual, passed])).toEqual([
      ['reads its data', 'permit', 'permit', true],
      ['case 2', 'approve', 'approve', true],
      ['expects too much', 'permit', 'deny', false],
    ]);
    expect(results[2]?.decision.message).toBe('No policy permits User::"user:bob" to call Tool::"x/y".');
  });

  it('may be JSON', () => {
    const text = '[{"principal": "User::\\"a\\"", "action": "call", "resource": "Tool::\\"a/b\\"", "expect": "deny"}]';
    expect(parseCases(text)).toHaveLength(1);
  });

  it.each([
    ['no YAML', '- a: [', 'not YAML'],
    ['no list', 'a: 1', 'expected array'],
    ['an unknown field', '- { principal: a, action: b, resource: c, expect: deny, who: d }', 'who'],
    ['an unknown expectation', '- { principal: a, action: b, resource: c, expect: maybe }', '[0].expect'],
  ])('with %s is refused', (_, text, why) => {
    expect(() => parseCases(text)).toThrow(AipError);
    expect(() => parseCases(text)).toThrow(why);
  });

  it.each([
    ['what is no entity', { principal: 'alice' }, '"alice" is not an entity'],
    ['a context that has no Cedar value', { context: { x: 0.123456 } }, 'context.x has no Cedar value'],
  ])('refuses %s', async (_, wrong, why) => {
    const set = await unvalidated('');
    const one = {
      principal: 'User::"a"',
      action: 'call',
      resource: 'Tool::"a/b"',
      context: {},
      expect: 'deny' as const,
    };
    expect(() => runCases(set, [{ ...one, ...wrong }])).toThrow(why);
  });
});
