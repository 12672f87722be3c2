import { describe, expect, it } from 'vitest';
import { explain, MAX_EXPLAINED } from './explain.ts';
import { act, ask, CI, unvalidated } from './testing.ts';

describe('an explanation', () => {
  it('says which policies apply, which parts of the others do not hold, and what would permit', async () => {
    const set = await unvalidated(`
@id("mail") permit (principal is User, action == Action::"call", resource in Server::"mail");
@id("depth") permit (principal, action == Action::"call", resource)
when { principal.tenant == "default" && context.depth > 2 && context.protocol == "a2a" }
unless { resource.effect == "read" };
@id("readers") permit (principal in Role::"reader", action, resource);
@id("blocked") forbid (principal, action in [Action::"read", Action::"get"], resource == Tool::"a/b");`);
    const { decision, policies, wouldPermit, omitted } = explain(set, ask());
    expect(decision.effect).toBe('deny');
    expect(omitted).toBe(0);
    expect(policies.map(({ id, outcome, unmet }) => ({ id, outcome, unmet }))).toEqual([
      { id: 'readers', outcome: 'does not apply', unmet: ['principal in Role::"reader"'] },
      { id: 'mail', outcome: 'does not apply', unmet: ['principal is User', 'resource in Server::"mail"'] },
      {
        id: 'blocked',
        outcome: 'does not apply',
        unmet: ['action in [Action::"read", Action::"get"]', 'resource == Tool::"a/b"'],
      },
      {
        id: 'depth',
        outcome: 'does not apply',
        unmet: ['context.depth > 2', 'context.protocol == "a2a"', 'not (resource.effect == "read")'],
      },
    ]);
    expect(wouldPermit).toEqual([
      'policy "readers" (test.cedar:6) would permit it if principal in Role::"reader"',
      'policy "depth" (test.cedar:3) would permit it if context.depth > 2 and context.protocol == "a2a" and not (resource.effect == "read")',
      'a policy of its own: permit (principal == Agent::"did:key:scout", action == Action::"call", resource == Tool::"files/read");',
    ]);
  });

  it('advises nothing that is about other callers, other actions or other targets', async () => {
    const set = await unvalidated(`
@id("agents") permit (principal is Agent in Role::"writer", action, resource);
@id("one") permit (principal == Service::"other", action, resource);
@id("reads") permit (principal in Role::"reader", action == Action::"read", resource);
@id("elsewhere") permit (principal in Role::"reader", action, resource in Server::"mail");
@id("named") permit (principal in Role::"reader", action, resource) when { resource == Tool::"mail/send" };
@id("role") permit (principal in Role::"reader", action, resource);`);
    const { wouldPermit } = explain(set, ask({ principal: CI }));
    expect(wouldPermit).toEqual([
      'policy "role" (test.cedar:7) would permit it if principal in Role::"reader"',
      expect.stringMatching(/^a policy of its own: permit \(principal == Service::/),
    ]);
    // The policy it proposes does what it is proposed for.
    const proposed = await unvalidated(wouldPermit[1]!.replace('a policy of its own: ', ''));
    expect(explain(proposed, ask({ principal: CI })).decision.effect).toBe('permit');
  });

  it('puts what forbids and what fails first', async () => {
    const set = await unvalidated(`
@id("all") permit (principal, action, resource);
@id("broken") permit (principal, action, resource) when { principal.nickname == "x" };
@id("never") forbid (principal, action, resource) when { context.protocol == "mcp" };`);
    const { policies, wouldPermit } = explain(set, ask());
    expect(policies.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
      'all applies',
      'never applies',
      'broken fails',
    ]);
    expect(wouldPermit).toEqual([
      'policy "never" (test.cedar:4) would have to not apply',
      'policy "broken" (test.cedar:3) would have to be evaluated: Agent::"did:key:scout" has no attribute "nickname"',
    ]);
  });

  it('of a permit has nothing left to permit', async () => {
    const set = await unvalidated('permit (principal, action, resource);');
    expect(explain(set, ask()).wouldPermit).toEqual([]);
  });

  it('does not trip over parts that only make sense behind an unmet has', async () => {
    const set = await unvalidated(
      'permit (principal, action, resource) when { context.arguments has path && context.arguments.path like "/x/*" };',
    );
    expect(explain(set, ask()).policies[0]?.unmet).toEqual(['context.arguments has path']);
  });

  it('covers conditions that only cedar-wasm evaluates', async () => {
    const set = await unvalidated('permit (principal, action, resource) when { principal.hasTag("x") };');
    expect(explain(set, ask()).policies[0]?.unmet).toEqual(['its conditions']);
  });

  it('is bounded, nearest policies first', async () => {
    const far = 'permit (principal == User::"x", action == Action::"read", resource == Tool::"x");\n'.repeat(200);
    const set = await unvalidated(`${far}@id("near") permit (principal == Service::"x", action, resource);`);
    const { policies, omitted } = explain(set, ask({ principal: CI, action: act('call') }));
    expect(policies).toHaveLength(MAX_EXPLAINED);
    expect(omitted).toBe(151);
    expect(policies[0]?.id).toBe('near');
  });
});
