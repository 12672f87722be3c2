import type { JsonObject } from '@aip/wire';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { openTestCore, temporaryFolder, toolCall, type TestCore } from './testing.ts';

/** Enough of everything that each list has something to show. */
async function tellStory({ exchange, operate, agent, service, tool, as }: TestCore): Promise<JsonObject> {
  const { did } = await agent('summariser', {
    capabilities: [{ name: 'summarise', price: 5, input_schema: { type: 'object' } }],
  });
  await operate('budgets.set', { principal: 'service:alice', total: 100 });
  const alice = await service('alice', 'caller');
  tool('write');
  const paid = await exchange.send(alice, {
    to: 'capability:summarise',
    action: 'invoke',
    body: { type: 'data', value: { text: 'x' } },
  });
  await paid.ended;
  await exchange.send(alice, toolCall('write', { title: 'x' }));
  await expect(
    operate('agents.connect', { name: 'newcomer' }, as({ kind: 'signed', did: 'did:key:z6Mk' })),
  ).rejects.toThrow();
  await operate('kills.pause', { scope: 'server:notes', reason: 'a look at it' });
  return { task: paid.taskId, agent: did };
}

test('what operations answer is what their schemas say', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const { task, agent } = (await tellStory(core)) as { task: string; agent: string };
  // A checkpoint is signed within a second.
  await expect
    .poll(async () => (await core.operate<{ checkpoint_size: number }>('audit.head')).checkpoint_size, {
      timeout: 5_000,
    })
    .toBeGreaterThan(0);
  const explain = { principal: 'service:alice', to: 'tool:notes/write', arguments: { title: 'x' } };
  const cases = '- { principal: \'Agent::"x"\', action: call, resource: \'Tool::"notes/write"\', expect: permit }';
  const asked: readonly (readonly [name: string, input?: JsonObject])[] = [
    ['agents.list'],
    ['agents.list', { state: 'pending' }],
    ['agents.get', { agent }],
    ['asks.list'],
    ['audit.head'],
    ['audit.entries', { limit: 1_000 }],
    ['audit.proof', { seq: 0 }],
    ['audit.consistency', { from: 1 }],
    ['budgets.list'],
    ['budgets.get', { principal: 'service:alice' }],
    ['catalogue.list'],
    ['kills.list'],
    ['kills.proof', { scope: 'server:notes' }],
    ['ledger.statement', { principal: 'service:alice' }],
    ['ledger.open'],
    ['platform.status'],
    ['platform.whoami'],
    ['policies.list'],
    ['policies.check', { files: [{ name: 'x.cedar', text: 'permit(' }] }],
    ['policies.explain', explain],
    ['policies.explain', { ...explain, principal: 'did:key:z6Mk' }],
    ['policies.test', { cases }],
    ['tasks.get', { task }],
    ['tasks.list'],
    ['tokens.list'],
  ];
  const ajv = new Ajv2020({ strict: false });
  for (const [name, input = {}] of asked) {
    const output = await core.operate(name, input);
    const schema = core.exchange.catalogue.get(`operation:${name}`)?.outputSchema;
    const valid = ajv.validate(schema ?? false, output);
    expect([name, JSON.stringify(ajv.errors), valid]).toEqual([name, 'null', true]);
    const [list] = Object.values(output).filter(Array.isArray);
    // A list without anything in it would prove nothing.
    if (list && !['ledger.open', 'policies.check', 'audit.consistency'].includes(name))
      expect([name, list.length]).not.toEqual([name, 0]);
  }
});

test('every operation says what it answers', async () => {
  using folder = temporaryFolder();
  await using core = await openTestCore(folder.path);
  const operations = core.exchange.catalogue.list({ kind: 'operation' });
  const silent = operations.filter(({ outputSchema }) => !JSON.stringify(outputSchema).includes('"type"'));
  expect(silent.map(({ name }) => name)).toEqual([]);
});
