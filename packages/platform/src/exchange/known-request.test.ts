import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { claim } from '@aip/conformance';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { argumentsOf, data } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { PASS, type Crossing, type Guard } from '../kernel/guard.ts';
import type { Exchange } from './exchange.ts';
import { outcomeOf } from './outcome.ts';
import { oneShot } from './sessions.ts';
import { createTestExchange } from './testing.ts';

let exchange: Exchange;
let folder: string;
/** What policies were asked about last. */
let decided: Pick<Crossing, 'target' | 'message'>;
let dispose: () => PromiseLike<void>;
/** Which agent has done what, in order. */
let done: string[];

beforeEach(async () => {
  const policy: Guard = {
    name: 'policy',
    admit(crossing) {
      decided = crossing;
      return PASS;
    },
  };
  const made = await createTestExchange({ slots: { policy } });
  ({ exchange, folder } = made);
  dispose = () => made[Symbol.asyncDispose]();
  done = [];
  for (const name of ['first', 'second']) arrive(name);
});
afterEach(() => dispose());

const skill = (owner: string, state: CatalogueEntry['state']): CatalogueEntry => ({
  address: `skill:${owner}/work`,
  kind: 'skill',
  name: 'work',
  owner,
  ownerName: owner,
  description: '',
  effect: 'external',
  idempotent: true,
  price: 0,
  state,
});

function arrive(owner: string): void {
  exchange.catalogue.put(owner, [skill(owner, 'active')]);
  leaving.set(
    owner,
    exchange.routes.bind(owner, {
      reach: 'session',
      async *deliver({ message }) {
        done.push(owner);
        yield { type: 'done', body: message.body };
      },
    }),
  );
}

const leaving = new Map<string, () => void>();

/** Its skill stays known, as after a lost connection or a restart. */
function leave(owner: string): void {
  leaving.get(owner)?.();
  exchange.catalogue.put(owner, [skill(owner, 'offline')]);
}

async function ask(to: CatalogueEntry['address'] | 'capability:work', key: string, input = { x: 1 }) {
  const session = oneShot(
    { principal: exchange.authenticate({ kind: 'bearer', token: 'alice' }), edge: 'http' },
    Date.now(),
  );
  const call = await exchange.send(session, { to, action: 'invoke', body: data(input), idempotencyKey: key });
  return { task: call.taskId, outcome: outcomeOf(await call.ended) };
}

describe(`a request that is put again under its key ${claim('O-EXEC.key')}`, () => {
  test('stays with whom it went to, though several offer the capability', async () => {
    const once = await ask('capability:work', 'a');
    for (let n = 0; n < 3; n++) expect(await ask('capability:work', 'a')).toEqual(once);
    expect(done).toHaveLength(1);
    // Other requests are still spread.
    for (const key of ['b', 'c', 'd', 'e']) await ask('capability:work', key);
    expect(new Set(done)).toEqual(new Set(['first', 'second']));
  });

  test('has its result while nobody is there who could do it', async () => {
    const byCapability = await ask('capability:work', 'a');
    const byName = await ask('skill:first/work', 'b');
    leave('first');
    leave('second');
    expect(await ask('capability:work', 'a')).toEqual(byCapability);
    expect(await ask('skill:first/work', 'b')).toEqual(byName);
    exchange.catalogue.remove('first');
    expect(await ask('skill:first/work', 'b')).toEqual(byName);
    expect(done).toHaveLength(2);
    await expect(ask('capability:work', 'new')).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE', retryable: true });
    await expect(ask('skill:second/work', 'new')).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
  });

  test('is no other request under the same key', async () => {
    await ask('capability:work', 'a');
    await expect(ask('capability:work', 'a', { x: 2 })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    const other = done[0] === 'first' ? 'second' : 'first';
    await expect(ask(`skill:${other}/work`, 'a')).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    leave('first');
    leave('second');
    await expect(ask('capability:work', 'a', { x: 2 })).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
    expect(done).toHaveLength(1);
  });

  test('is another one with other metadata, which its target gets as well', async () => {
    const session = oneShot(
      { principal: exchange.authenticate({ kind: 'bearer', token: 'alice' }), edge: 'a2a' },
      Date.now(),
    );
    const send = async (x: number) => {
      const body = { type: 'a2a', value: { parts: [{ text: 'go' }], metadata: { x } } } as const;
      const draft = { to: 'skill:first/work', action: 'invoke', body, idempotencyKey: 'm' } as const;
      return (await exchange.send(session, draft)).taskId;
    };
    const first = await send(1);
    expect(await send(1)).toBe(first);
    await expect(send(2)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  describe('has its result when its target has left, however it was addressed', () => {
    const reads: unknown[] = [];
    const entry = (kind: CatalogueEntry['kind'], address: CatalogueEntry['address'], name: string): CatalogueEntry => ({
      address,
      kind,
      name,
      owner: address.startsWith('resource:') ? 'notes' : 'did:key:scout',
      ownerName: 'scout',
      description: '',
      effect: 'external',
      idempotent: true,
      price: 0,
      state: 'active',
    });
    const resource = (uri: string): CatalogueEntry => entry('resource', `resource:notes/${uri}`, uri);
    const template = (uri: string): CatalogueEntry => entry('template', `resource:notes/${uri}`, uri);
    const scout = [entry('agent', 'agent:did:key:scout', 'scout'), entry('skill', 'skill:did:key:scout/work', 'work')];

    beforeEach(() => {
      reads.length = 0;
      exchange.catalogue.put('did:key:scout', scout);
      exchange.catalogue.put('notes', [
        resource('note://listed'),
        template('note://{id}'),
        template('note://deep/{+path}'),
      ]);
      for (const owner of ['did:key:scout', 'notes'])
        exchange.routes.bind(owner, {
          reach: 'remote',
          async *deliver({ message }) {
            reads.push(message.to);
            yield { type: 'done', body: message.body };
          },
        });
    });

    const send = async (to: CatalogueEntry['address'], args: object) => {
      const caller = oneShot(
        { principal: exchange.authenticate({ kind: 'bearer', token: 'alice' }), edge: 'http' },
        Date.now(),
      );
      const action = to.startsWith('resource:') ? 'read' : 'invoke';
      const call = await exchange.send(caller, { to, action, body: data(args as never), idempotencyKey: 'k' });
      return { task: call.taskId, outcome: outcomeOf(await call.ended) };
    };

    test.each([
      ['agent:scout', {}, 'skill:did:key:scout/work'],
      ['skill:scout/work', {}, 'skill:did:key:scout/work'],
      ['skill:did:key:scout/work', {}, 'skill:did:key:scout/work'],
      ['resource:notes/note://listed', {}, 'resource:notes/note://listed'],
      ['resource:notes/note://listed', { uri: 'NOTE://listed' }, 'resource:notes/note://listed'],
      ['resource:notes/note://{id}', { id: 7 }, 'resource:notes/note://{id}'],
      ['resource:notes/note://{id}', { uri: 'note://%37' }, 'resource:notes/note://{id}'],
      ['resource:notes/note://{id}', { id: 'listed' }, 'resource:notes/note://listed'],
      ['resource:notes/note://{id}', { uri: 'note://listed' }, 'resource:notes/note://listed'],
      ['resource:notes/note://deep/{+path}', { path: 'a/b' }, 'resource:notes/note://deep/{+path}'],
    ] as const)('%s with %j', async (to, args, went) => {
      const once = await send(to, args);
      expect(reads).toEqual([went]);
      const first = argumentsOf(decided.message.body);
      exchange.catalogue.remove('notes');
      exchange.catalogue.remove('did:key:scout');
      expect(await send(to, args)).toEqual(once);
      // Policies decide on what was meant, as they did then.
      expect(decided.target.address).toBe(went);
      expect(argumentsOf(decided.message.body)).toEqual(first);
      await expect(send(to, { ...args, other: 1 })).rejects.toMatchObject({
        code: expect.stringMatching(/^(UNKNOWN_|IDEMPOTENCY_CONFLICT)/),
      });
      expect(reads).toEqual([went]);
    });

    test('or means somebody, or something, else by now', async () => {
      const byName = await send('agent:scout', {});
      exchange.catalogue.remove('did:key:scout');
      exchange.catalogue.put('did:key:other', [
        { ...entry('agent', 'agent:did:key:other', 'scout'), owner: 'did:key:other' },
      ]);
      exchange.routes.bind('did:key:other', { reach: 'remote', deliver: () => expect.unreachable() });
      expect(await send('agent:scout', {})).toEqual(byName);
    });

    test('or is listed by now', async () => {
      const once = await send('resource:notes/note://{id}', { id: 7 });
      exchange.catalogue.put('notes', [resource('note://7'), template('note://{id}')]);
      expect(await send('resource:notes/note://{id}', { id: 7 })).toEqual(once);
      expect(reads).toEqual(['resource:notes/note://{id}']);
      await expect(send('resource:notes/note://{id}', { id: 8 })).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      });
    });
  });

  test('is compared with what was sent, not with a hash of it that stays for ever', async () => {
    await ask('capability:work', 'a', { x: 4711 });
    const { read } = exchange.journal;
    const [accept] = read.entries('default', { from: 0, limit: 10 }).filter(({ kind }) => kind === 'accept');
    expect(accept!.head).toMatchObject({ key: 'a' });
    const { text } = accept!;
    const hashes = text.match(/[\w-]{43}/g)?.filter((found) => !text.includes(`"body":"${found}"`)) ?? [];
    expect(hashes).toEqual([]);
  });

  test('is no longer known once its content has been erased: nobody can say that it is the same', async () => {
    await ask('capability:work', 'a');
    using db = new DatabaseSync(join(folder, 'aip.db'));
    db.exec('UPDATE entry SET body = NULL, salt = NULL');
    await expect(ask('capability:work', 'a')).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(done).toHaveLength(1);
  });

  test('is not somebody else’s request under that key', async () => {
    const mine = await ask('capability:work', 'a');
    const bob = oneShot(
      { principal: exchange.authenticate({ kind: 'bearer', token: 'bob' }), edge: 'http' },
      Date.now(),
    );
    const call = await exchange.send(bob, {
      to: 'capability:work',
      action: 'invoke',
      body: data({ x: 1 }),
      idempotencyKey: 'a',
    });
    expect(call.taskId).not.toBe(mine.task);
  });
});
