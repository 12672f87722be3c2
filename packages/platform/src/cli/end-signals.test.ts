import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { askedToEnd } from './end-signals.ts';

describe('asking a process to end', () => {
  const start = () => {
    const exit = vi.fn<(code: number) => void>();
    const process = Object.assign(new EventEmitter(), { exit });
    let at = 0;
    const asked = askedToEnd(process, () => at);
    return { process, exit, asked, later: (ms: number) => (at += ms) };
  };

  it('lets it end by itself, also when one Ctrl-C arrives several times', async () => {
    const { process, exit, asked, later } = start();
    process.emit('SIGINT');
    later(50);
    process.emit('SIGINT');
    process.emit('SIGTERM');
    await asked;
    expect(exit).not.toHaveBeenCalled();
  });

  it('ends it at once when it is asked again', async () => {
    const { process, exit, asked, later } = start();
    process.emit('SIGTERM');
    await asked;
    later(1_001);
    process.emit('SIGINT');
    expect(exit).toHaveBeenCalledWith(130);
    process.emit('SIGTERM');
    expect(exit).toHaveBeenLastCalledWith(143);
  });
});
