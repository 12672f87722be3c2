import { describe, expect, test } from 'vitest';
import { data, text, type Body } from '../../kernel/body.ts';
import { redact } from './redact.ts';

describe('redaction removes', () => {
  const user = { name: 'Ann', token: 's3cret', card: { number: '4111', holder: 'Ann' } };
  test.for<[string, string[], unknown]>([
    ['a field', ['token'], { name: 'Ann', card: user.card }],
    ['a field inside another', ['card.number'], { ...user, card: { holder: 'Ann' } }],
    ['several', ['token', 'card.number'], { name: 'Ann', card: { holder: 'Ann' } }],
    ['a field of the result, named so', ['result.token'], { name: 'Ann', card: user.card }],
    ['nothing where there is nothing', ['password', 'card.cvc', 'name.first', 'toString', '__proto__'], user],
  ])('%s', ([, paths, expected]) => {
    expect(redact(data(user), paths)).toEqual(data(expected as typeof user));
  });

  test('in every element of a list, however deep', () => {
    const list = { users: [[user], [{ name: 'Bob' }]] };
    expect(redact(data(list), ['users.token', 'users.card'])).toEqual(
      data({ users: [[{ name: 'Ann' }], [{ name: 'Bob' }]] }),
    );
  });

  test('a whole branch called result, when there is one', () => {
    expect(redact(data({ result: { token: 't', n: 1 }, token: 'u' }), ['result.token'])).toEqual(
      data({ result: { n: 1 } }),
    );
  });

  test('from an MCP result in both of its forms, keeping that it is an error', () => {
    const result: Body = {
      type: 'mcp',
      value: {
        isError: true,
        structuredContent: { ...user },
        content: [{ type: 'text', text: JSON.stringify(user) }],
        _meta: { token: 's3cret' },
      },
    };
    const clean = redact(result, ['token', 'card']);
    expect(clean).toEqual({
      type: 'mcp',
      value: { isError: true, structuredContent: { name: 'Ann' }, content: [{ type: 'text', text: '{"name":"Ann"}' }] },
    });
  });

  test('from the data parts of an A2A message, and everything beside them', () => {
    const message: Body = {
      type: 'a2a',
      value: { parts: [{ data: { ...user }, metadata: { token: 's3cret' } }], metadata: { token: 's3cret' } },
    };
    expect(redact(message, ['token', 'card'])).toEqual({ type: 'a2a', value: { parts: [{ data: { name: 'Ann' } }] } });
  });
});

test.for<[string, Body]>([
  ['text', text('the token is s3cret')],
  ['text as data', data('the token is s3cret')],
  ['an MCP result without structure', { type: 'mcp', value: { content: [{ type: 'text', text: 's3cret' }] } }],
  ['an A2A message with a text part', { type: 'a2a', value: { parts: [{ data: {} }, { text: 's3cret' }] } }],
  ['an A2A message with a file', { type: 'a2a', value: { parts: [{ raw: 'AAAA' }] } }],
])('what has no structure cannot be shown: %s', ([, body]) => {
  expect(redact(body, ['token'])).toBeUndefined();
});
