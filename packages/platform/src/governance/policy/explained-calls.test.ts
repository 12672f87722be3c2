import { claim } from '@aip/conformance';
import { AipError, type JsonObject } from '@aip/wire';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { data } from '../../kernel/body.ts';
import type { EdgeName } from '../../kernel/message.ts';
import { rounds } from '../../kernel/testing.ts';
import { openTestCore, temporaryFolder } from '../../main/testing.ts';

/*
 * Calls of every kind under generated policies, each asked about three times: as `aip policy explain` says, as a table of
 * cases says of everything that has to be permitted, and as the exchange does it.
 */

type Answer = 'permit' | 'approve' | 'deny';

/** The administrator asks, and agents connect. */
const FOR_THE_TEST =
  'permit (principal in Role::"admin", action, resource); permit (principal, action, resource == Operation::"agents.connect");';
const SKILLS = { idle: [], single: ['sum'], double: ['sum', 'draw'] } as const;
type AgentName = keyof typeof SKILLS;

test(`explanations and case tables say what the exchange then does ${claim('G-POLICY.operations')}`, async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, {
    policies: { 'starter.cedar': FOR_THE_TEST },
    flags: { rate: { per_second: 1e6, burst: 1e6 } },
  });
  core.tool('read', { effect: 'read' });
  core.tool('write');
  const dids: Record<string, string> = {};
  for (const [name, skills] of Object.entries(SKILLS)) {
    const capabilities = skills.map((skill) => ({ name: skill }));
    dids[name] = (await core.agent(name, { capabilities })).did;
  }
  const callers = {
    'service:alice': (await core.service('alice', 'caller')).principal,
    'service:bob': (await core.service('bob', 'viewer', 'caller')).principal,
    [dids['idle']!]: core.as({ kind: 'signed', did: dids['idle']! }).principal,
  };

  const agent = fc.constantFrom(...(Object.keys(SKILLS) as AgentName[]));
  const scope = {
    principal: fc.constantFrom(
      '',
      ' in Role::"caller"',
      ' in Role::"viewer"',
      ' == Service::"service:alice"',
      ' is Agent',
    ),
    action: fc.constantFrom('', '', ' == Action::"call"', ' in [Action::"invoke", Action::"signal"]'),
    resource: fc.oneof(
      fc.constantFrom('', '', ' in Server::"notes"', ' == Tool::"notes/read"'),
      agent.map((name) => ` in Agent::"${dids[name]}"`),
      agent.map((name) => ` == Agent::"${dids[name]}"`),
      fc.constantFrom('single/sum', 'double/sum', 'double/draw').map((path) => {
        const [name = '', skill = ''] = path.split('/');
        return ` == Skill::"${dids[name]}/${skill}"`;
      }),
    ),
  };
  const policy = fc
    .record({
      ...scope,
      effect: fc.constantFrom('permit', 'permit', 'permit', 'forbid'),
      approve: fc.boolean(),
      condition: fc.constantFrom('', '', '', ' when { context.protocol == "mcp" }', ' unless { context.depth > 0 }'),
    })
    .map(
      ({ effect, approve, principal, action, resource, condition }) =>
        `${approve && effect === 'permit' ? '@approve("operators") ' : ''}${effect} (principal${principal}, action${action}, resource${resource})${condition} unless { principal in Role::"admin" };`,
    );
  const one = fc.record({
    caller: fc.constantFrom(...Object.keys(callers)),
    to: fc.oneof(
      fc.constantFrom('tool:notes/read', 'tool:notes/write'),
      fc.constantFrom('agent:idle', 'agent:single', 'agent:double', 'skill:double/draw', 'skill:single/sum'),
    ),
    edge: fc.constantFrom<EdgeName>('http', 'mcp'),
  });
  type One = typeof one extends fc.Arbitrary<infer T> ? T : never;
  let n = 0;

  async function done({ caller, to, edge }: One, given: JsonObject): Promise<Answer> {
    const action = to.startsWith('tool:') ? 'call' : 'invoke';
    try {
      const session = core.as(callers[caller]!, edge);
      const call = await core.exchange.send(session, { to, action, body: data(given) });
      const asks = call.last?.type === 'asked';
      if (asks) call.cancel('caller');
      else await call.ended;
      return asks ? 'approve' : 'permit';
    } catch (error) {
      if (error instanceof AipError && error.code === 'PERMISSION_DENIED') return 'deny';
      throw error;
    }
  }

  interface Decision {
    readonly effect: 'permit' | 'deny';
    readonly obligations: readonly { readonly kind: string }[];
  }
  const answerOf = ({ effect, obligations }: Decision): Answer =>
    effect === 'deny' ? 'deny' : obligations.some(({ kind }) => kind === 'approve') ? 'approve' : 'permit';

  async function explained({ caller, to, edge }: One, given: JsonObject): Promise<Answer> {
    const input = { principal: caller, to, protocol: edge, arguments: given };
    return answerOf((await core.operate<{ decision: Decision }>('policies.explain', input)).decision);
  }

  /** What an author writes who knows what the call is: one case for each thing that has to be permitted. */
  async function tabled({ caller, to, edge }: One, given: JsonObject): Promise<Answer> {
    const { kind, name, roles, tenant, assurance } = callers[caller]!;
    const [, owner = '', rest] = /^\w+:([^/]+)(?:\/(.+))?$/.exec(to) ?? [];
    const skills: readonly string[] = SKILLS[owner as AgentName] ?? [];
    const ran = rest === undefined ? (skills.length === 1 ? skills : ['', ...skills]) : [rest];
    const resources = ran.map((part) => {
      if (to.startsWith('tool:'))
        return {
          entity: `Tool::"${owner}/${part}"`,
          attrs: { name: part, server: owner, effect: part === 'read' ? 'read' : 'write' },
        };
      if (part === '')
        return {
          entity: `Agent::"${dids[owner]}"`,
          attrs: { name: owner, tenant: 'default', assurance: 'signature' },
        };
      return { entity: `Skill::"${dids[owner]}/${part}"`, attrs: { name: part, effect: 'external' } };
    });
    const cases = resources.map((resource) => ({
      principal: {
        entity: `${kind === 'agent' ? 'Agent' : 'Service'}::"${caller}"`,
        in: roles.map((role) => `Role::"${role}"`),
        attrs: { name, tenant, assurance },
      },
      action: to.startsWith('tool:') ? 'call' : 'invoke',
      resource,
      context: { protocol: edge, arguments: given },
      expect: 'permit',
    }));
    const { results } = await core.operate<{ results: { actual: Answer }[] }>('policies.test', {
      cases: JSON.stringify(cases),
    });
    const answers = results.map(({ actual }) => actual);
    return answers.find((answer) => answer === 'deny') ?? answers.find((answer) => answer === 'approve') ?? 'permit';
  }

  const seen = { permit: 0, approve: 0, deny: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(policy, { minLength: 1, maxLength: 6 }),
      fc.array(one, { minLength: 1, maxLength: 8 }),
      async (policies, calls) => {
        await core.operate('policies.put', { name: 'generated.cedar', text: policies.join('\n') });
        for (const call of calls) {
          const given = { n: n++ };
          const answer = await done(call, given);
          expect({ explained: await explained(call, given), tabled: await tabled(call, given) }).toEqual({
            explained: answer,
            tabled: answer,
          });
          seen[answer]++;
        }
      },
    ),
    { numRuns: 60 * rounds(1) },
  );
  // A generator that never gets anywhere proves nothing.
  for (const [answer, count] of Object.entries(seen)) expect(count / n, answer).toBeGreaterThan(0.01);
}, 120_000);
