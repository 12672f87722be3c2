import { expect, test } from 'vitest';
import { argumentsOf, data } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { errorBody } from '../kernel/error-body.ts';
import { PASS, type Guard } from '../kernel/guard.ts';
import { outcomeOf } from './outcome.ts';
import { oneShot } from './sessions.ts';
import { createTestExchange } from './testing.ts';

const entry = (kind: 'resource' | 'template', name: string): CatalogueEntry => ({
  address: `resource:notes/${name}`,
  kind,
  name,
  owner: 'notes',
  ownerName: 'notes',
  description: '',
  effect: 'read',
  idempotent: true,
  price: 0,
  state: 'active',
});

const SECRET = 'resource:notes/file:///secret.md';
const ANY = 'resource:notes/file:///{+path}';
const ANYTHING = 'resource:notes/{+uri}';

/** What a reading comes to: what was decided on and asked for, or the code of the refusal. */
async function reading(to: string, args: Record<string, unknown>): Promise<unknown> {
  const policy: Guard = {
    name: 'policy',
    admit: ({ target }) =>
      [SECRET, 'resource:notes/file:///closed/{+path}'].includes(target.address)
        ? { verdict: 'deny', error: errorBody('PERMISSION_DENIED', 'Forbidden.') }
        : PASS,
  };
  await using made = await createTestExchange({ slots: { policy } });
  const { exchange } = made;
  exchange.catalogue.put('notes', [
    entry('resource', 'file:///secret.md'),
    entry('resource', 'file:///open.md'),
    entry('resource', 'file:///a%2Bb.md'),
    entry('resource', 'note://100%'),
    entry('resource', 'note://a/..%2Fb'),
    entry('resource', 'sql://q?like=50%'),
    entry('template', 'api:///{city}{?units}'),
    entry('template', '{+uri}'),
    entry('template', 'file:///{+path}'),
    entry('template', 'file:///closed/{+path}'),
  ]);
  exchange.routes.bind('notes', {
    reach: 'remote',
    async *deliver(call) {
      yield { type: 'done', body: data({ to: call.entry.name, uri: argumentsOf(call.message.body)['uri'] ?? null }) };
    },
  });
  const session = oneShot(
    { principal: exchange.authenticate({ kind: 'bearer', token: 'alice' }), edge: 'http' },
    Date.now(),
  );
  try {
    const call = await exchange.send(session, { to: to as never, action: 'read', body: data(args as never) });
    const outcome = outcomeOf(await call.ended);
    return outcome.ok ? outcome.body.value : outcome.error.code;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test.each([
  [ANY, { uri: 'file:///secret.md' }],
  [ANY, { path: 'secret.md' }],
  [ANY, { path: 'secret.md', more: 1 }],
  [ANY, { uri: 'file:///{+path}', path: 'secret.md' }],
  [ANY, { uri: 'file:///secret%2Emd' }],
  [ANY, { uri: 'file:///%73ecret.md' }],
  [ANY, { uri: 'file:///x/../secret.md' }],
  [ANY, { uri: 'file:///./secret.md#x' }],
  [ANYTHING, { uri: 'FILE://localhost//secret.md' }],
  [ANYTHING, { uri: 'file:///closed/a' }],
])('what is forbidden stays so through %s with %j', async (to, args) => {
  expect(await reading(to, args)).toBe('PERMISSION_DENIED');
});

test.each([
  ['resource:notes/file:///open.md', { uri: 'file:///secret.md' }],
  ['resource:notes/file:///open.md', { uri: 7 }],
  ['resource:notes/file:///closed/{+path}', { uri: 'file:///open.md' }],
  ['resource:notes/file:///closed/{+path}', { uri: 'file:///closed/../open.md' }],
  [ANY, { uri: 'note://1' }],
  [ANY, { uri: 'secret.md' }],
  [ANY, { uri: 'file:///sec\tret.md' }],
  [ANY, { uri: 'file:///new/..%2Fother.md' }],
  [ANY, { uri: 'file:///new/%2e%2e%5cother.md' }],
  [ANYTHING, { uri: 'note://new%2F..%2Fother' }],
  [ANY, { uri: 'file:///x%2F..%2Fsecret.md' }],
  [ANY, { uri: 'file:///new/%%32e%%32e/other.md' }],
  [ANY, { uri: 'file:///new/%%%332e%%%332e/other.md' }],
  [ANY, { uri: 'file:///new/%252e%252e/other.md' }],
  [ANY, { path: 'new/%2e%2e/other.md' }],
  [ANY, { path: 'new/..\\other.md' }],
  [ANY, { uri: `file:///${'a/'.repeat(60_000)}b` }],
  ['resource:notes/file:///open.md', { uri: 'file:///x%2F..%2Fopen.md' }],
  // What is read could not be told from these.
  [ANYTHING, {}],
  [ANY, {}],
  [ANY, { path: null }],
  ['resource:notes/api:///{city}{?units}', { city: 'oslo', units: {} }],
])('%s is not asked for %j', async (to, args) => {
  expect(await reading(to, args)).toBe('INVALID_ARGUMENT');
});

test.each([
  ['resource:notes/file:///open.md', {}, 'file:///open.md', 'file:///open.md'],
  // Listed as it is: the server's own word.
  ['resource:notes/note://100%', { uri: 'note://100%' }, 'note://100%', 'note://100%'],
  [ANYTHING, { uri: 'note://100%' }, 'note://100%', 'note://100%'],
  [ANYTHING, { uri: 'note://a/..%2Fb' }, 'note://a/..%2Fb', 'note://a/..%2Fb'],
  [ANYTHING, { uri: 'sql://q?like=50%' }, 'sql://q?like=50%', 'sql://q?like=50%'],
  [ANYTHING, { uri: 'postgres://u@Host/db/t' }, '{+uri}', 'postgres://u@Host/db/t'],
  ['resource:notes/file:///open.md', { uri: 'file:///%6Fpen.md' }, 'file:///open.md', 'file:///open.md'],
  [ANY, { uri: 'file:///a+b.md' }, 'file:///a%2Bb.md', 'file:///a%2Bb.md'],
  [ANY, { uri: 'file:///%6Eew.md' }, 'file:///{+path}', 'file:///new.md'],
  [ANY, { path: 'new.md' }, 'file:///{+path}', 'file:///new.md'],
  [ANYTHING, { uri: 'note://1' }, '{+uri}', 'note://1'],
])('%s with %j is decided on as %s and read as %s', async (to, args, decided, uri) => {
  expect(await reading(to, args)).toEqual({ to: decided, uri });
});
