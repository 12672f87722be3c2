import { describe, expect, it } from 'vitest';
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from './json-value.ts';
import { openShadow } from './shadow.ts';
import { ask, unvalidated } from './testing.ts';
import type { Decision } from './types.ts';

async function decide(condition: string, args: unknown): Promise<Decision> {
  return (await unvalidated(`permit (principal, action, resource) when { ${condition} };`)).decide(
    ask({ arguments: args }),
  );
}

const effectOf = async (condition: string, args: unknown): Promise<string> => (await decide(condition, args)).effect;
const whyDenied = async (condition: string, args: unknown): Promise<string | undefined> =>
  (await decide(condition, args)).errors[0]?.message;

describe('JSON arguments as Cedar values', () => {
  it.each([
    ['context.arguments.path like "/data/*"', { path: '/data/x' }],
    ['context.arguments.a.b.c == 3', { a: { b: { c: 3 } } }],
    ['context.arguments["a b"]', { 'a b': true }],
    ['context.arguments.list.contains("x")', { list: ['y', 'x', 'x'] }],
    ['context.arguments.list == ["x", "y"]', { list: ['y', 'x', 'x'] }],
    ['context.arguments.n == 2', { n: 2.0 }],
    ['context.arguments.n == decimal("0.5")', { n: 0.5 }],
    ['context.arguments.n == decimal("-12.0345")', { n: -12.0345 }],
    ['context.arguments.n == 0', { n: -0 }],
    ['context.arguments has a', { a: false }],
    ['context.arguments has a.b', { a: { b: '' } }],
    ['context has arguments.a', { a: 1 }],
    ['context has arguments', undefined],
    ['context.arguments == {a: {b: [1]}}', { a: { b: [1, 1], c: null }, d: null }],
    ['{it: context.arguments}.it.a == 1', { a: 1 }],
    ['context == {protocol: "mcp", depth: 0, arguments: {a: 1}}', { a: 1 }],
    ['(if true then context else {arguments: {a: 0}}).arguments.a == 1', { a: 1 }],
  ])('%s holds for %j', async (condition, args) => {
    const set = await unvalidated(`permit (principal, action, resource) when { ${condition} };`);
    using shadow = openShadow(set);
    const { cedar, agrees } = shadow.compare(ask({ arguments: args }));
    expect(cedar).toMatchObject({ effect: 'permit' });
    expect(agrees).toBe(true);
  });

  it.each([
    ['context.arguments has a', { a: null }],
    ['context.arguments has a', undefined],
    ['context.arguments has a', JSON.parse('{"b": 1}')],
    ['context.arguments has a.b', { a: { b: null } }],
    ['context.arguments has toString', {}],
    ['context.arguments has __proto__', {}],
    ['context.arguments has constructor.name', {}],
    ['context.arguments == {}', { a: 1 }],
    ['context.arguments.who == User::"alice"', { who: { type: 'User', id: 'alice' } }],
    ['context.arguments.who == User::"alice"', { who: { __entity: { type: 'User', id: 'alice' } } }],
    [
      'context.arguments.who == User::"alice"',
      { who: { kind: 'entity', type: 'User', id: 'alice', uid: 'User::"alice"' } },
    ],
    ['context.arguments.n == decimal("1.0")', { n: 1 }],
  ])('%s does not hold for %j', async (condition, args) => {
    expect(await decide(condition, args)).toMatchObject({ effect: 'deny', errors: [] });
  });

  it('keeps __proto__ and constructor as keys like any other', async () => {
    const args: unknown = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}');
    expect(await effectOf('context.arguments has __proto__.admin', args)).toBe('permit');
    expect(await effectOf('context.arguments.constructor == 1', args)).toBe('permit');
    expect(await effectOf('context.arguments has admin', args)).toBe('deny');
    expect(await effectOf('context.arguments == {constructor: 1, "__proto__": {admin: true}}', args)).toBe('permit');
  });
});

describe('what has no Cedar value denies where it is looked at', () => {
  it.each([
    ['a number finer than a decimal', { a: 0.12345 }, 'neither a 53-bit integer nor a decimal'],
    ['a number that a double does not hold', { a: 2 ** 53 }, 'neither a 53-bit integer nor a decimal'],
    ['a decimal out of range', { a: 999_999_999_999_999.5 }, 'neither a 53-bit integer nor a decimal'],
    ['a tiny number', { a: 1e-7 }, 'neither a 53-bit integer nor a decimal'],
    ['null inside an array', { a: [null] }, 'context.arguments.a has no Cedar value: null inside an array'],
    ['a lone surrogate', { a: '\ud800' }, 'lone surrogate'],
    ['a lone surrogate in a key', { a: { '\ud800': 1 } }, 'lone surrogate'],
    ['what is not JSON', { a: () => 1 }, 'context.arguments.a has no Cedar value: function'],
    ['arguments that are text', 'a', 'context.arguments is not an object'],
    ['arguments that are a list', ['a'], 'context.arguments is not an object'],
  ])('%s', async (_, args, why) => {
    expect(await whyDenied('context.arguments.a == context.arguments.a', args)).toContain(why);
    expect(await whyDenied('context.arguments == {}', args)).toBeDefined();
    expect(await effectOf('context.protocol == "mcp"', args)).toBe('permit');
  });

  it('and nowhere else: other arguments are not hindered', async () => {
    const args = { path: '/data/x', embedding: [0.123456, 1e-9], nothing: [null] };
    expect(await effectOf('context.arguments has path && context.arguments.path like "/data/*"', args)).toBe('permit');
  });

  it('so does an argument that is missing or no record', async () => {
    expect(await whyDenied('context.arguments.a.b == 1', {})).toBe('context.arguments has no attribute "a"');
    expect(await whyDenied('context.arguments.a.b == 1', { a: [1] })).toBe('context.arguments.a is not a record');
    expect(await whyDenied('context.arguments.a has b', { a: 'text' })).toBe('context.arguments.a is not a record');
    expect(await whyDenied('context.arguments.a has b', {})).toBe('context.arguments has no attribute "a"');
  });
});

describe('a request whose arguments are a getter', () => {
  it.each([
    ['context.protocol == "mcp"', 0],
    ['context.arguments has a && context.arguments.a == 1', 1],
  ])('is asked for them only if a policy looks: %s', async (condition, expected) => {
    let reads = 0;
    const request = {
      ...ask(),
      get arguments() {
        reads += 1;
        return { a: 1 };
      },
    };
    const set = await unvalidated(`permit (principal, action, resource) when { ${condition} };`);
    expect(set.decide(request).effect).toBe('permit');
    expect(reads).toBe(expected);
  });
});

describe('hostile arguments', () => {
  const nested = (depth: number): unknown => {
    let json: unknown = 1;
    for (let level = 0; level < depth; level += 1) json = { a: json };
    return json;
  };

  it('nested up to the limit are mapped, deeper ones deny', async () => {
    expect(await effectOf('context.arguments == context.arguments', nested(MAX_JSON_DEPTH))).toBe('permit');
    expect(await whyDenied('context.arguments == {}', nested(MAX_JSON_DEPTH + 1))).toContain('nested deeper than');
    expect(await whyDenied('context.arguments.a == 1', nested(100_000))).toContain('nested deeper than');
  });

  it('with as many values as the limit are mapped, more deny', async () => {
    const list = Array.from({ length: MAX_JSON_VALUES - 1 }, (_, at) => at);
    expect(await effectOf('context.arguments.a.contains(5)', { a: list })).toBe('permit');
    expect(await whyDenied('context.arguments.a.contains(5)', { a: [...list, 1] })).toContain('more than');
  });

  it('do not make comparing sets slow: equal sets of thousands of records', async () => {
    const list = Array.from({ length: 3_000 }, (_, at) => ({ at }));
    const args = { a: list, b: list.toReversed() };
    expect(await effectOf('context.arguments.a == context.arguments.b', args)).toBe('permit');
    expect(await effectOf('context.arguments.a.containsAll(context.arguments.b)', args)).toBe('permit');
  });

  it('cannot make like backtrack', async () => {
    const text = 'a'.repeat(200_000);
    expect(await effectOf('context.arguments.a like "*a*a*a*a*a*a*a*a*a*a*b"', { a: text })).toBe('deny');
  });

  it('that cedar-wasm would read as entities deny where it has to be asked', async () => {
    const set = await unvalidated('permit (principal, action, resource) when { principal.hasTag("x") == false };');
    const decision = set.decide(ask({ arguments: { a: { __entity: { type: 'User', id: 'x' } } } }));
    expect(decision.errors[0]?.message).toBe('a record with the key __entity cannot be given to cedar-wasm');
  });
});
