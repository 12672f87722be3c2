import type { JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import { allArgumentsOf, argumentsOf, data, partsOf, text, textOf, valueOf, type Body } from './body.ts';

const a2a = (...parts: Extract<Body, { type: 'a2a' }>['value']['parts']): Body => ({ type: 'a2a', value: { parts } });
const mcp = (value: Extract<Body, { type: 'mcp' }>['value']): Body => ({ type: 'mcp', value });

describe('a body as named arguments', () => {
  test.for<[string, Body, unknown]>([
    ['an object is taken as it is', data({ path: '/tmp' }), { path: '/tmp' }],
    ['another value is called value', data([1, 2]), { value: [1, 2] }],
    ['text is called text', text('hello'), { text: 'hello' }],
    ['one data part is the arguments', a2a({ data: { path: '/tmp' } }), { path: '/tmp' }],
    ['a lone text part is called text', a2a({ text: 'hello' }), { text: 'hello' }],
    ['several texts become one', a2a({ text: 'one' }, { text: 'two' }), { text: 'one\ntwo' }],
  ])('%s', ([, body, expected]) => {
    expect(argumentsOf(body)).toEqual(expected);
  });
});

describe('everything of a body as arguments', () => {
  const more = (body: Body, metadata: JsonObject): Body =>
    body.type === 'a2a' ? { type: 'a2a', value: { ...body.value, metadata } } : body;
  const plain: [string, Body][] = [
    ['data', data({ path: '/tmp' })],
    ['text', text('hello')],
    ['one data part', a2a({ data: { path: '/tmp' } })],
    ['one data part of its usual type', a2a({ data: { path: '/tmp' }, mediaType: 'application/json' })],
    ['texts', a2a({ text: 'one' }, { text: 'two' })],
  ];
  test.for(plain)('is its arguments where there is nothing else: %s', ([, body]) => {
    expect(allArgumentsOf(body)).toEqual(argumentsOf(body));
  });

  const beside: [string, Body, JsonObject][] = [
    ['fields of several data parts', a2a({ data: { amount: 1_000_000 } }, { data: {} }), { amount: 1_000_000 }],
    ['fields that they agree on', a2a({ data: { a: 1, b: 2 } }, { data: { b: 2, c: 3 } }), { a: 1, b: 2, c: 3 }],
    ['text', a2a({ data: { amount: 1 } }, { text: 'no, 2' }), { amount: 1, text: 'no, 2' }],
    ['bytes', a2a({ text: 'pay 1' }, { raw: 'cGF5' }), { text: 'pay 1' }],
    ['an address', a2a({ data: { amount: 1 } }, { url: 'http://x/y' }), { amount: 1, text: 'http://x/y' }],
    ['a name', a2a({ data: { amount: 1 }, filename: 'pay 2' }), { amount: 1 }],
    ['metadata of a part', a2a({ text: 'pay 1', metadata: { override: 2 } }), { text: 'pay 1' }],
    ['an unusual type', a2a({ text: 'pay 1', mediaType: 'pay/2' }), { text: 'pay 1' }],
  ];
  test.for(beside)('has the parts beside them: %s', ([, body, named]) => {
    expect(allArgumentsOf(body)).toEqual({ ...named, parts: partsOf(body) });
  });

  test('has the metadata of the message beside them', () => {
    expect(allArgumentsOf(more(a2a({ data: { amount: 1 } }), { override: { amount: 2 } }))).toEqual({
      amount: 1,
      metadata: { override: { amount: 2 } },
    });
    expect(allArgumentsOf(more(a2a({ text: 'pay' }), {}))).toEqual({ text: 'pay' });
  });

  const ambiguous: [string, Body][] = [
    ['amount', a2a({ data: { amount: 1 } }, { data: { amount: 2 } })],
    ['text', a2a({ data: { text: 'one' } }, { text: 'two' })],
    ['parts', a2a({ data: { parts: [] } }, { data: {} })],
    ['metadata', more(a2a({ data: { metadata: { a: 1 } } }), { a: 2 })],
    ['__proto__', a2a({ data: JSON.parse('{"__proto__":1}') }, { data: JSON.parse('{"__proto__":2}') })],
  ];
  test.for(ambiguous)('refuses one argument with two values: %s', ([name, body]) => {
    expect(() => allArgumentsOf(body)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`"${name}"`) }),
    );
  });
});

describe('a body as A2A parts', () => {
  test.for<[string, Body, unknown]>([
    ['data', data({ a: 1 }), [{ data: { a: 1 } }]],
    ['text', text('hello'), [{ text: 'hello' }]],
    [
      'a result of several kinds of content',
      mcp({
        content: [
          { type: 'text', text: 'hi' },
          { type: 'image', data: 'AAAA', mimeType: 'image/png' },
          { type: 'resource_link', uri: 'file:///a', name: 'a' },
        ],
      }),
      [{ text: 'hi' }, { raw: 'AAAA', mediaType: 'image/png' }, { url: 'file:///a' }],
    ],
    [
      'structured content, whose text repeats it',
      mcp({ structuredContent: { n: 1 }, content: [{ type: 'text', text: '{"n":1}' }] }),
      [{ data: { n: 1 } }],
    ],
    [
      'an unknown block is kept as data',
      mcp({ content: [{ type: 'hologram', depth: 3 }] }),
      [{ data: { type: 'hologram', depth: 3 } }],
    ],
    ['a result without content has no parts', mcp({}), []],
  ])('%s', ([, body, expected]) => {
    expect(partsOf(body)).toEqual(expected);
  });
});

test('a body as one value is its structure where it has one', () => {
  expect(valueOf(mcp({ structuredContent: { n: 1 }, content: [] }))).toEqual({ n: 1 });
  expect(valueOf(a2a({ text: 'hello' }))).toBe('hello');
  expect(valueOf(a2a({ text: 'a' }, { text: 'b' }))).toEqual([{ text: 'a' }, { text: 'b' }]);
  expect(valueOf(data({ n: null }))).toEqual({ n: null });
});

test('a body as text joins its texts and writes its data as JSON', () => {
  expect(textOf(a2a({ text: 'see' }, { data: { n: 1 } }, { url: 'https://example.org/a' }, { raw: 'AAAA' }))).toBe(
    'see\n{"n":1}\nhttps://example.org/a',
  );
});
