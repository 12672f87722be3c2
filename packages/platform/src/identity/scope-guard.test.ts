import { claim } from '@aip/conformance';
import { expect, test } from 'vitest';
import type { Principal } from '../kernel/principal.ts';
import { openTestCore, temporaryFolder, toolCall } from '../main/testing.ts';

const user = (...scopes: string[]): Principal => ({
  id: 'user:corp:alice',
  kind: 'user',
  name: 'corp:alice',
  tenant: 'default',
  assurance: 'token',
  roles: ['caller'],
  scopes,
});

const { scopes: _, ...withoutScopes } = user();

test(`a bearer does no more than its access token was granted, and its refusal is on record ${claim('I-AUTH.oauth')}`, async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const reached = core.tool('look', { effect: 'read' });
  const call = async (who: Principal) => (await core.exchange.send(core.as(who), toolCall('look'))).ended;

  await expect(call(user('mcp:resources'))).rejects.toMatchObject({
    code: 'INSUFFICIENT_SCOPE',
    details: { scope: 'mcp:resources mcp:tools' },
  });
  expect(reached).toHaveLength(0);
  expect(core.entries(['deny']).at(-1)!.head).toMatchObject({ code: 'INSUFFICIENT_SCOPE', from: 'user:corp:alice' });
  await expect(call(user('mcp:tools'))).resolves.toMatchObject({ type: 'done' });
  // Who came with an API token has no scopes to stay within.
  await expect(call(withoutScopes)).resolves.toMatchObject({ type: 'done' });
  // Whoever acts for somebody is bound by what that one has granted, too.
  await expect(call({ ...withoutScopes, onBehalfOf: user() })).rejects.toMatchObject({ code: 'INSUFFICIENT_SCOPE' });
  expect(reached).toHaveLength(2);
});

test('the platform’s own operations are opened by roles, not by scopes', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  expect(await core.operate('tasks.list', {}, core.as(user()))).toMatchObject({ tasks: [] });
  await expect(core.operate('tokens.list', {}, core.as(user('mcp:tools')))).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
});

test('scopes are what the settings say; an empty list asks for none', async () => {
  using folder = temporaryFolder();
  const flags = { identity: { scopes: { tools: [], resources: ['files:read'] } } };
  await using core = await openTestCore(folder.path, { flags });
  core.tool('look', { effect: 'read' });
  const call = await core.exchange.send(core.as(user()), toolCall('look'));
  expect(await call.ended).toMatchObject({ type: 'done' });
});

test('policies see what was granted', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path, {
    policies: {
      'scopes.cedar': `
        @id("all") permit (principal, action, resource);
        @id("wide") forbid (principal is User, action == Action::"call", resource)
        when { principal has scopes && !principal.scopes.contains("wide") };`,
    },
  });
  core.tool('look', { effect: 'read' });
  const call = async (who: Principal) => (await core.exchange.send(core.as(who), toolCall('look'))).ended;
  await expect(call(user('mcp:tools'))).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await expect(call(user('mcp:tools', 'wide'))).resolves.toMatchObject({ type: 'done' });
  await expect(call(withoutScopes)).resolves.toMatchObject({ type: 'done' });
});
