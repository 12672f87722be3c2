import { describe, expect, it } from 'vitest';
import { parseCases, runCases } from './case-table.ts';
import { connectionPolicy } from './connection.ts';
import { compilePolicies } from './policy-set.ts';
import { STARTER_FILE, STARTER_POLICY } from './starter.ts';
import { act, ask, SCOUT, SCRIBE, validated } from './testing.ts';
import { entity } from './value.ts';

const starter = { name: STARTER_FILE, text: STARTER_POLICY };

/** What a platform team would ask of a new platform. */
const CASES = `
- name: an admin kills
  principal: &admin { entity: 'User::"user:alice"', in: ['Role::"admin"'], attrs: { assurance: token } }
  action: operate
  resource: &kill { entity: 'Operation::"kills.kill"', attrs: { effect: write, plane: control } }
  expect: permit
- name: an admin invokes an agent
  principal: *admin
  action: invoke
  resource: &scribe 'Agent::"did:key:scribe"'
  expect: permit
- name: an operator approves
  principal: &operator { entity: 'User::"user:olga"', in: ['Role::"operator"'] }
  action: operate
  resource: &approve { entity: 'Operation::"asks.answer"', attrs: { effect: write, plane: control } }
  expect: permit
- name: an operator kills
  principal: *operator
  action: operate
  resource: *kill
  expect: permit
- name: an operator reads the log of kills
  principal: *operator
  action: operate
  resource: &log { entity: 'Operation::"kills.list"', attrs: { effect: read, plane: control } }
  expect: permit
- name: an operator does not release what was stopped
  principal: *operator
  action: operate
  resource: { entity: 'Operation::"kills.release"', attrs: { effect: write, plane: control } }
  expect: deny
- name: a viewer reads the log of kills
  principal: &viewer { entity: 'User::"user:vera"', in: ['Role::"viewer"'] }
  action: operate
  resource: *log
  expect: permit
- name: a viewer does not kill
  principal: *viewer
  action: operate
  resource: *kill
  expect: deny
- name: an operator does not change policy
  principal: *operator
  action: operate
  resource: { entity: 'Operation::"policies.put"', attrs: { effect: write, plane: control } }
  expect: deny
- name: an operator is no caller
  principal: *operator
  action: call
  resource: &read { entity: 'Tool::"files/read"', attrs: { effect: read } }
  expect: deny
- name: a caller invokes an agent
  principal: &caller { entity: 'Service::"service:ci"', in: ['Role::"caller"'] }
  action: invoke
  resource: *scribe
  expect: permit
- name: a caller calls a tool that reads
  principal: *caller
  action: call
  resource: *read
  expect: permit
- name: a caller has to wait before a tool writes
  principal: *caller
  action: call
  resource: { entity: 'Tool::"files/write"', attrs: { effect: write } }
  expect: approve
- name: a caller has to wait before a tool reaches outside
  principal: *caller
  action: call
  resource: { entity: 'Tool::"mail/send"', attrs: { effect: external } }
  expect: approve
- name: a caller does not read the log of kills
  principal: *caller
  action: operate
  resource: *log
  expect: deny
- name: a caller cancels a task
  principal: *caller
  action: operate
  resource: { entity: 'Operation::"tasks.cancel"', attrs: { effect: write, plane: data } }
  expect: permit
- name: a service without a role does nothing
  principal: 'Service::"service:new"'
  action: call
  resource: *read
  expect: deny
- name: an agent lists the catalogue
  principal: &agent { entity: 'Agent::"did:key:scout"', attrs: { assurance: signature } }
  action: operate
  resource: &catalogue { entity: 'Operation::"catalogue.list"', attrs: { effect: read, plane: data } }
  expect: permit
- name: an agent gets its task
  principal: *agent
  action: operate
  resource: { entity: 'Operation::"tasks.get"', attrs: { effect: read, plane: data } }
  expect: permit
- name: an agent connects
  principal: *agent
  action: operate
  resource: { entity: 'Operation::"agents.connect"', attrs: { effect: write, plane: data } }
  expect: permit
- name: an agent does not remove agents
  principal: *agent
  action: operate
  resource: { entity: 'Operation::"agents.remove"', attrs: { effect: write, plane: control } }
  expect: deny
- name: an agent reaches no other agent
  principal: *agent
  action: invoke
  resource: *scribe
  expect: deny
- name: an agent calls no tool
  principal: *agent
  action: call
  resource: *read
  expect: deny
- name: an agent does not kill
  principal: *agent
  action: operate
  resource: *kill
  expect: deny
- name: an agent that has proven nothing does nothing
  principal: { entity: 'Agent::"did:key:scout"', attrs: { assurance: none } }
  action: operate
  resource: *catalogue
  expect: deny
- name: nobody calls without end
  principal: *admin
  action: invoke
  resource: *scribe
  context: { depth: 17 }
  expect: deny
`;

describe('the starter policy', async () => {
  const set = await compilePolicies([starter]);

  it('is valid, has no warnings, and needs no wasm to decide', () => {
    expect(set.warnings).toEqual([]);
    expect(set.policies.every(({ native }) => native)).toBe(true);
  });

  it.each(runCases(set, parseCases(CASES)))('$name: $expected', ({ actual, expected, decision }) => {
    expect(actual, decision.message).toBe(expected);
    expect(decision.errors).toEqual([]);
  });
});

describe('a connection policy', () => {
  const connection = { from: SCOUT.id, to: SCRIBE.id, protocol: 'ioap' };
  const invoke = { action: act('invoke'), resource: SCRIBE, context: { protocol: 'ioap' } };

  it('lets one agent reach another and its skills, over that protocol', async () => {
    const set = await validated(connectionPolicy(connection));
    expect(set.decide(ask(invoke)).effect).toBe('permit');
    expect(set.decide(ask({ ...invoke, action: act('signal') })).effect).toBe('permit');
    const skill = entity('Skill', `${SCRIBE.id}/write`);
    const entities = [{ ref: skill, attrs: new Map(), parents: [SCRIBE] }];
    expect(set.decide(ask({ ...invoke, resource: skill, entities })).effect).toBe('permit');
  });

  it('nothing else', async () => {
    const set = await validated(connectionPolicy(connection));
    for (const other of [
      { principal: SCRIBE, resource: SCOUT },
      { resource: entity('Agent', 'did:key:other') },
      { context: { protocol: 'a2a' } },
      { action: act('call') },
    ]) {
      expect(set.decide(ask({ ...invoke, ...other })).effect).toBe('deny');
    }
  });

  it('stands beside the starter policy and other connections', async () => {
    const back = { ...connection, from: connection.to, to: connection.from };
    const text = connectionPolicy(connection) + connectionPolicy(back);
    const set = await compilePolicies([starter, { name: 'connections.cedar', text }]);
    expect(set.decide(ask(invoke)).message).toBe(
      'Permitted by policy "connect did:key:scout to did:key:scribe over ioap" (connections.cedar:1).',
    );
  });

  it('does not let a name write policy', async () => {
    const evil = 'x",action,resource);permit(principal,action,resource);//\\"\n\u0000\u2028';
    const set = await validated(connectionPolicy({ from: evil, to: evil, protocol: evil }));
    expect(set.policies).toHaveLength(1);
    expect(set.policies[0]?.reason.id).toBe(`connect ${evil} to ${evil} over ${evil}`);
    expect(set.decide(ask()).effect).toBe('deny');
    const [agent] = [entity('Agent', evil)];
    const request = ask({ principal: agent, action: act('invoke'), resource: agent, context: { protocol: evil } });
    expect(set.decide(request).effect).toBe('permit');
  });
});
