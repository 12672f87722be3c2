import { describe, expect, test } from 'vitest';
import { argumentsOf, data, partsOf, text, textOf, valueOf, type Body } from './body.ts';

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
