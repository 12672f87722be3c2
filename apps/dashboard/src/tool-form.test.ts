import type { Json, JsonObject } from '@aip/wire';
import { describe, expect, test } from 'vitest';
import { argumentsOf, draftOf, formOf, jsonArguments, type Draft } from './tool-form.ts';

const schema: JsonObject = {
  type: 'object',
  properties: {
    title: { type: 'string', minLength: 2, maxLength: 5, description: 'What it is called' },
    count: { type: 'integer', minimum: 1, maximum: 10 },
    ratio: { type: ['number', 'null'] },
    colour: { enum: ['red', 'green', 3] },
    deep: { type: 'boolean', default: true },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    author: {
      type: 'object',
      properties: { name: { type: 'string' }, age: { anyOf: [{ type: 'integer' }, { type: 'null' }] } },
      required: ['name'],
    },
    places: { type: 'array', items: { $ref: '#/$defs/place' } },
    anything: {},
  },
  required: ['title', 'colour'],
  $defs: { place: { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] } },
};
const form = formOf(schema);

function read(draft: Draft): { value: JsonObject; problems: Record<string, string> } {
  const problems = new Map<string, string>();
  return { value: argumentsOf(form, draft, problems), problems: Object.fromEntries(problems) };
}

describe('the form of a schema', () => {
  test('has a field for everything, what is needed first', () => {
    expect(form.fields.map(({ name, field }) => `${name} ${field.kind}${field.required ? ' *' : ''}`)).toEqual([
      'title text *',
      'colour choice *',
      'count number',
      'ratio number',
      'deep choice',
      'tags list',
      'author group',
      'places list',
      'anything json',
    ]);
    expect(form.fields[0]?.field.description).toBe('What it is called');
  });

  test('leaves to JSON what no form shows well, and never follows a schema without end', () => {
    const loop: JsonObject = {
      type: 'object',
      properties: { next: { $ref: '#' }, self: { $ref: '#/properties/self' } },
    };
    expect(() => formOf(loop)).not.toThrow();
    const kinds = (given: Json) => formOf({ type: 'object', properties: { it: given } }).fields[0]?.field.kind;
    expect(kinds({ anyOf: [{ type: 'string' }, { type: 'number' }] })).toBe('json');
    expect(kinds({ type: 'object', additionalProperties: { type: 'string' } })).toBe('json');
    expect(kinds({ allOf: [{ type: 'string' }] })).toBe('json');
    expect(kinds({ oneOf: [{ const: 'a' }, { const: 'b' }] })).toBe('choice');
    expect(formOf(undefined).fields).toEqual([]);
    expect(formOf({ type: 'string' }).fields).toEqual([]);
  });
});

describe('what is typed', () => {
  test('becomes arguments of the right types; what is left out stays out', () => {
    const draft = {
      title: 'abc',
      colour: '2',
      count: '7',
      ratio: '0.5',
      deep: '1',
      tags: ['a', ''],
      author: { name: 'Ann', age: '' },
      places: [{ x: '-1e3' }],
      anything: '[1, {"a": null}]',
    };
    expect(read(draft)).toEqual({
      value: {
        title: 'abc',
        colour: 3,
        count: 7,
        ratio: 0.5,
        deep: false,
        tags: ['a', ''],
        author: { name: 'Ann' },
        places: [{ x: -1000 }],
        anything: [1, { a: null }],
      },
      problems: {},
    });
    expect(read({ title: 'ab', colour: '0' })).toEqual({ value: { title: 'ab', colour: 'red' }, problems: {} });
  });

  test.each<[string, Draft, Record<string, string>]>([
    ['what has to be given', {}, { title: 'This has to be given.', colour: 'This has to be given.' }],
    ['short texts', { title: 'a', colour: '0' }, { title: 'At least 2 characters needed.' }],
    ['long texts', { title: 'abcdef', colour: '0' }, { title: 'At most 5 characters allowed.' }],
    ['words for numbers', { title: 'ab', colour: '0', count: 'two' }, { count: 'This is not a number.' }],
    ['broken numbers', { title: 'ab', colour: '0', count: '1.5' }, { count: 'This has to be a whole number.' }],
    ['small numbers', { title: 'ab', colour: '0', count: '0' }, { count: '1 or more needed.' }],
    ['large numbers', { title: 'ab', colour: '0', count: '11' }, { count: '10 or less allowed.' }],
    ['long lists', { title: 'ab', colour: '0', tags: ['a', 'b', 'c'] }, { tags: 'At most 2 allowed.' }],
    [
      'what a list holds',
      { title: 'ab', colour: '0', places: [{ x: '1' }, { x: '' }] },
      { 'places.1.x': 'This has to be given.' },
    ],
    [
      'a group that was begun',
      { title: 'ab', colour: '0', author: { age: '3' } },
      { 'author.name': 'This has to be given.' },
    ],
    [
      'broken JSON',
      { title: 'ab', colour: '0', anything: '{' },
      { anything: expect.stringContaining('not JSON') as string },
    ],
  ])('is checked: %s', (_what, draft, problems) => {
    expect(read(draft).problems).toEqual(problems);
  });
});

test('the form begins with the defaults, and takes up what came from JSON', () => {
  expect(draftOf(form)).toMatchObject({ deep: '0', tags: [], title: undefined });
  const value = {
    title: 'abc',
    colour: 'green',
    tags: ['x'],
    author: { name: 'Ann' },
    anything: { a: 1 },
    deep: false,
  };
  expect(read(draftOf(form, value))).toEqual({ value, problems: {} });
});

test('arguments typed as JSON are an object', () => {
  const problemOf = (typed: string): string | undefined => {
    const problems = new Map<string, string>();
    jsonArguments(typed, problems);
    return problems.get('');
  };
  expect(problemOf('')).toBeUndefined();
  expect(problemOf('{"a":1}')).toBeUndefined();
  expect(problemOf('[1]')).toContain('JSON object');
  expect(problemOf('{')).toContain('not JSON');
});
