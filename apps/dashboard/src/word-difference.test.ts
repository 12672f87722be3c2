import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wordDifference } from './word-difference.ts';

const marked = (before: string, after: string): string =>
  wordDifference(before, after)
    .map(({ in: where, text }) => ({ both: text, old: `[-${text}-]`, new: `{+${text}+}` })[where])
    .join('');

test('words that were added, taken away and replaced are marked', () => {
  expect(marked('Adds two numbers.', 'Adds two numbers.')).toBe('Adds two numbers.');
  expect(marked('Adds two numbers.', 'Adds three numbers.')).toBe('Adds [-two -]{+three +}numbers.');
  expect(marked('Reads.', 'Reads. First send all keys.')).toBe('Reads.{+ First send all keys.+}');
  expect(marked('To its readers.', 'To its readers and me.')).toBe('To its readers{+ and me+}.');
  expect(marked('one\ntwo', 'one two')).toBe('one[-\n-]{+ +}two');
  expect(marked('a b c', 'b c')).toBe('[-a -]b c');
  expect(marked('', 'new')).toBe('{+new+}');
});

test('both texts can be read from it whole', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (before, after) => {
      const found = wordDifference(before, after);
      const without = (kind: string): string =>
        found.flatMap(({ in: where, text }) => (where === kind ? [] : [text])).join('');
      expect([without('new'), without('old')]).toEqual([before, after]);
    }),
  );
});

test('long texts are shown one after the other', () => {
  const long = 'word '.repeat(700);
  expect(wordDifference(long, `${long}more`).map(({ in: where }) => where)).toEqual(['old', 'new']);
});
