import { expect, it } from 'vitest';
import { createResultMemory } from './result-memory.ts';

it('forgets the oldest beyond its number or size, never the newest', () => {
  const memory = createResultMemory<string>(2, 10);
  memory.set('a', 'A', 1);
  memory.set('b', 'B', 1);
  memory.set('c', 'C', 1);
  expect([memory.get('a'), memory.get('b'), memory.get('c')]).toEqual([undefined, 'B', 'C']);
  memory.set('d', 'D', 100);
  expect([memory.get('b'), memory.get('c'), memory.get('d')]).toEqual([undefined, undefined, 'D']);
  memory.set('d', 'E', 1);
  memory.set('f', 'F', 1);
  expect([memory.get('d'), memory.get('f')]).toEqual(['E', 'F']);
});
