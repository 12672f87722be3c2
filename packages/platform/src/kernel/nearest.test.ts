import { expect, it } from 'vitest';
import { nearest } from './nearest.ts';

it('finds the word that was probably meant', () => {
  const words = ['port', 'host', 'public_url', 'log_level'];
  expect(['prot', 'prt', 'ports', 'loglevel', 'public-url', 'HOST'].map((word) => nearest(word, words))).toEqual([
    'port',
    'port',
    'port',
    'log_level',
    'public_url',
    'host',
  ]);
  expect(nearest('budget', words)).toBeUndefined();
  expect(nearest('port', [])).toBeUndefined();
});
