import { describe, expect, it } from 'vitest';
import { pickPaths, shorten, trimItems } from './trim.ts';

describe('an answer is trimmed', () => {
  it('to the paths that are wanted, through arrays', () => {
    const value = [
      { id: 1, owner: { login: 'ann', mail: 'a@example.org' }, tags: [{ name: 'x', color: 'red' }] },
      { id: 2, owner: null },
    ];
    expect(pickPaths(value, ['id', 'owner.login', 'tags.name'])).toEqual([
      { id: 1, owner: { login: 'ann' }, tags: [{ name: 'x' }] },
      { id: 2, owner: null },
    ]);
  });

  it('and a path that is not there, or is everybody’s, adds nothing', () => {
    expect(pickPaths({ id: 1 }, ['toString', 'name.first'])).toEqual({});
  });

  it('to a number of items in every list, counting what is dropped', () => {
    expect(trimItems({ a: [1, 2, 3], b: { c: [[1, 2, 3], 2, 3, 4] } }, 2)).toEqual({
      kept: { a: [1, 2], b: { c: [[1, 2], 2] } },
      dropped: 4,
    });
  });

  it('to a number of bytes, never within a character', () => {
    expect(shorten('abc', 3)).toBe('abc');
    expect(shorten('aéé', 2)).toBe('a… (3 more bytes)');
  });
});
