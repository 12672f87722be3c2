import { claim } from '@aip/conformance';
import type { Json, JsonObject } from '@aip/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { data } from '../kernel/body.ts';
import type { Decider, Entry } from '../kernel/entry.ts';
import { rounds } from '../kernel/testing.ts';
import { DECIDERS } from './deciders.ts';
import { openTestCore, temporaryFolder, toolCall } from './testing.ts';

/** Rows as the log makes them, and what each decider reads and writes of them. */
function watched() {
  const rows = new Map<string, Json>();
  /** What a decider has touched without having said so. */
  const undeclared: string[] = [];
  const decided = new Set<string>();

  function decide(decider: Decider, entry: Entry): boolean {
    // The writer asks before it has numbered the entry.
    const declared = new Set(decider.keys({ ...entry, seq: -1, at: 0 }));
    const touch = (what: string, key: string): void => {
      if (!declared.has(key)) undeclared.push(`${decider.name} ${what} ${key} on ${entry.kind}`);
    };
    const read = (key: string): Json | undefined => {
      touch('reads', key);
      return rows.get(key);
    };
    const decision = decider.decide(read, entry);
    if ('refuse' in decision) return false;
    for (const { key, value } of decision) {
      touch('writes', key);
      if (value === null) rows.delete(key);
      else rows.set(key, value);
    }
    decided.add(`${decider.name} ${entry.kind}`);
    return true;
  }

  return { undeclared, decided, decide };
}

const decidersOf = (kind: string): readonly Decider[] => DECIDERS.filter(({ kinds }) => kinds.includes(kind));

describe(`every decider touches only the rows that it has named ${claim('G-AUDIT.declared')}`, () => {
  test('in a log in which much has happened', async () => {
    using folder = temporaryFolder();
    await using core = await openTestCore(folder.path);
    core.tool('write');
    const alice = await core.service('alice', 'caller');
    const scout = await core.agent('scout', { capabilities: [{ name: 'look', price: 3 }] });
    await core.operate('budgets.set', { principal: 'service:alice', total: 10 });
    const paid = await core.exchange.send(alice, {
      to: 'capability:look',
      action: 'invoke',
      body: data({}),
      idempotencyKey: 'key',
    });
    await paid.ended;
    const [approved, denied] = [
      await core.exchange.send(alice, toolCall('write', { n: 1 })),
      await core.exchange.send(alice, toolCall('write', { n: 2 })),
    ];
    const { asks } = await core.operate<{ asks: { id: string; task: string }[] }>('asks.list');
    for (const { id, task } of asks)
      await core.operate('asks.answer', { ask: id, verdict: task === approved.taskId ? 'approve' : 'deny' });
    await Promise.all([approved.ended, denied.ended]);
    await core.operate('agents.connect', { name: 'another' }, scout.session);
    await core.operate('agents.admit', { agent: scout.did, name: 'ranger' });
    await core.operate('kills.pause', { scope: 'server:notes' });
    await core.operate('kills.release', { scope: 'server:notes' });
    await core.operate('agents.remove', { agent: 'ranger' });
    const { tokens } = await core.operate<{ tokens: { id: string }[] }>('tokens.list');
    await core.operate('tokens.revoke', { id: tokens[0]!.id });

    const { undeclared, decided, decide } = watched();
    for (const entry of core.entries())
      for (const decider of decidersOf(entry.kind)) expect(decide(decider, entry), entry.text).toBe(true);
    expect(undeclared).toEqual([]);
    for (const name of [
      'killswitch release',
      'approvals answer',
      'agents agent.remove',
      'ledger settle',
      'tokens token.revoke',
    ])
      expect(decided).toContain(name);
  });

  test('whatever the entries say, and in whichever order they come', () => {
    const everything = new Set<string>();
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 100, size: 'max' }), (drafts) => {
        const { undeclared, decided, decide } = watched();
        for (const [seq, draft] of drafts.entries()) {
          const entry: Entry = { ...draft, tenant: 'default', seq, at: seq };
          for (const decider of decidersOf(entry.kind)) if (!tried(() => decide(decider, entry))) break;
        }
        for (const name of decided) everything.add(name);
        expect(undeclared).toEqual([]);
      }),
      { numRuns: rounds(600) },
    );
    // What is never decided proves nothing.
    const missing = DECIDERS.flatMap(({ name, kinds }) => kinds.map((kind) => `${name} ${kind}`)).filter(
      (name) => !everything.has(name),
    );
    expect(missing).toEqual([]);
  }, 60_000);
});

/** A decider that throws refuses. */
function tried(act: () => boolean): boolean {
  try {
    return act();
  } catch {
    return false;
  }
}

// Few names for everything, so that entries meet what others have left behind.
const name = fc.constantFrom('a', 'A', 'b', 'c');
const did = fc.constantFrom('did:1', 'did:2');
const id = fc.constantFrom('1', '2');
/** So few that the end of a task often cites the hold that was made for it. */
const hold = fc.constantFrom(
  ...(['ab', 'ba', 'aa'] as const).map(([payer, payee], at) => ({ payer, payee, amount: at + 1, day: '1970-01-01' })),
);
const ask = fc.record({ id, of: fc.constant('operators'), kind: fc.constant('approval'), body: fc.constant({}) });

const anyHead = fc.record(
  {
    did,
    id,
    name,
    was: name,
    join: id,
    named: fc.boolean(),
    card: fc.constant({ description: 'x' }),
    roles: fc.constant([]),
    reserved: fc.boolean(),
    tokens: fc.array(id, { maxLength: 2 }),
    hash: fc.constant(''),
    expires: fc.constant(1e15),
    scope: name,
    scopes: fc.array(name, { maxLength: 2 }),
    plane: fc.constant('control'),
    from: name,
    to: fc.constant('tool:x/y'),
    key: id,
    message: id,
    state: fc.constantFrom('working', 'completed'),
    type: fc.constantFrom('working', 'redelivered', 'done'),
    ask: id,
    verdict: fc.constantFrom('approve', 'deny'),
    approval: id,
    hold,
    resolution: fc.constantFrom('captured', 'released', 'kept'),
    principal: fc.constantFrom('a', 'b'),
    task: id,
    server: name,
    tool: name,
    digest: fc.constant(''),
    findings: fc.constant([]),
    by: fc.constant('x'),
  },
  {
    requiredKeys: [
      'did',
      'id',
      'name',
      'scope',
      'scopes',
      'from',
      'principal',
      'server',
      'tool',
      'state',
      'resolution',
    ],
  },
);

// What a call is paid with comes more often than the rest: the most has to fit together before one is.
const often = Array.from({ length: 4 }, () => ['budget.set', 'accept', 'settle']).flat();
const kinds = [...new Set(DECIDERS.flatMap((decider) => decider.kinds)), ...often];

const anyEntry = fc
  .record({ kind: fc.constantFrom(...kinds), head: anyHead, ask, task: id, n: fc.integer({ min: 1, max: 3 }) })
  .map(({ ask: asked, head, ...entry }) => ({
    ...entry,
    head: (entry.kind === 'park' ? { ...head, ask: asked } : head) as unknown as JsonObject,
  }));
