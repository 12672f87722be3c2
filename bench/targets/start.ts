import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** Starts what a measured server calls, in a process of its own, and resolves with its first message. */
export async function startTarget<T>(file: string, ...args: string[]): Promise<T> {
  const child: ChildProcess = fork(path.join(import.meta.dirname, '..', file), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [first] = (await once(child, 'message')) as [T];
  // It ends with the one who has started it, and does not keep that one alive.
  child.unref();
  child.channel?.unref();
  process.on('disconnect', () => child.disconnect());
  return first;
}
