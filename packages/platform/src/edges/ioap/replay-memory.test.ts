import { expect, it } from 'vitest';
import { createReplayMemory } from './replay-memory.ts';

it('remembers a frame for at least its window, whenever it came', () => {
  for (const came of [0, 500, 999]) {
    let now = 0;
    const memory = createReplayMemory(1_000, () => now);
    memory.remember('did:a', 'first');
    now = came;
    memory.remember('did:a', 'x');
    for (const later of [came, came + 500, came + 999]) {
      now = later;
      expect(() => memory.remember('did:a', 'x')).toThrow(
        expect.objectContaining({ code: 'REPLAY_DETECTED' }) as Error,
      );
    }
    expect(() => memory.remember('did:b', 'x')).not.toThrow();
  }
});

it('forgets what is long past', () => {
  let now = 0;
  const memory = createReplayMemory(1_000, () => now);
  memory.remember('did:a', 'x');
  now = 5_000;
  expect(() => memory.remember('did:a', 'x')).not.toThrow();
});

it('refuses new frames when it is full, rather than forget old ones', () => {
  const memory = createReplayMemory(1_000, () => 0, 2);
  memory.remember('did:a', '1');
  memory.remember('did:a', '2');
  expect(() => memory.remember('did:a', '3')).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }) as Error);
  expect(() => memory.remember('did:a', '1')).toThrow(expect.objectContaining({ code: 'REPLAY_DETECTED' }) as Error);
});
