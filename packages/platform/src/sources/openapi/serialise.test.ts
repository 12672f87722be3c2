import { describe, expect, it } from 'vitest';
import { inHeader, inPath, inQuery, type Style } from './serialise.ts';

const as = (style: string, explode: boolean, more: Partial<Style> = {}): Style => ({
  name: 'color',
  style,
  explode,
  allowReserved: false,
  json: false,
  ...more,
});
const query = (style: Style, value: Parameters<typeof inQuery>[1]): string =>
  inQuery(style, value)
    .map(([name, text]) => `${name}=${text}`)
    .join('&');

const array = ['blue', 'black', 'brown'];
const object = { R: 100, G: 200, B: 150 };

/** The table of OpenAPI 3.1.1, section 4.8.12.6, style examples. */
describe('the styles of the specification', () => {
  it.each([
    ['matrix', false, 'blue', ';color=blue'],
    ['matrix', false, array, ';color=blue,black,brown'],
    ['matrix', false, object, ';color=R,100,G,200,B,150'],
    ['matrix', true, array, ';color=blue;color=black;color=brown'],
    ['matrix', true, object, ';R=100;G=200;B=150'],
    ['label', false, 'blue', '.blue'],
    ['label', false, array, '.blue,black,brown'],
    ['label', false, object, '.R,100,G,200,B,150'],
    ['label', true, array, '.blue.black.brown'],
    ['label', true, object, '.R=100.G=200.B=150'],
    ['simple', false, 'blue', 'blue'],
    ['simple', false, array, 'blue,black,brown'],
    ['simple', false, object, 'R,100,G,200,B,150'],
    ['simple', true, object, 'R=100,G=200,B=150'],
  ])('path %s, explode %s: %j is %s', (style, explode, value, written) => {
    expect(inPath(as(style, explode), value)).toBe(written);
  });

  it.each([
    ['form', false, 'blue', 'color=blue'],
    ['form', false, array, 'color=blue,black,brown'],
    ['form', false, object, 'color=R,100,G,200,B,150'],
    ['form', true, array, 'color=blue&color=black&color=brown'],
    ['form', true, object, 'R=100&G=200&B=150'],
    ['spaceDelimited', false, array, 'color=blue%20black%20brown'],
    ['spaceDelimited', false, object, 'color=R%20100%20G%20200%20B%20150'],
    ['pipeDelimited', false, array, 'color=blue%7Cblack%7Cbrown'],
    ['pipeDelimited', false, object, 'color=R%7C100%7CG%7C200%7CB%7C150'],
    ['deepObject', true, object, 'color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150'],
    ['form', true, '', 'color='],
  ])('query %s, explode %s: %j is %s', (style, explode, value, written) => {
    expect(query(as(style, explode), value)).toBe(written);
  });

  it.each([
    [false, array, 'blue,black,brown'],
    [true, object, 'R=100,G=200,B=150'],
  ])('header, explode %s: %j is %s', (explode, value, written) => {
    expect(inHeader(as('simple', explode), value)).toBe(written);
  });

  it('a parameter with content is JSON', () => {
    expect(query(as('form', true, { json: true }), { a: [1] })).toBe('color=%7B%22a%22%3A%5B1%5D%7D');
  });
});

describe('what a caller sends stays a value', () => {
  it.each(['a&b=c', 'a#b', 'a?b', 'a/b', 'é', "!'()*"])('%j in a query', (value) => {
    const [[, text] = ['', '']] = inQuery(as('form', true), value);
    expect(text).not.toMatch(/[&#?/]/);
    expect(decodeURIComponent(text)).toBe(value);
  });

  it('allowReserved leaves reserved signs, but never those that end or split the query', () => {
    expect(query(as('form', true, { allowReserved: true }), 'a/b:c?d&e=f#g')).toBe('color=a/b:c?d%26e%3Df%23g');
  });

  it.each(['', '.', '..', '../admin', 'a/../../b', '..\\admin', 'a/..'])('%j is refused in a path', (value) => {
    expect(() => inPath(as('simple', false), value)).toThrow(/no parts of a path/);
  });

  it('a slash in a path is no separator', () => {
    expect(inPath(as('simple', false), 'a/b')).toBe('a%2Fb');
  });
});
