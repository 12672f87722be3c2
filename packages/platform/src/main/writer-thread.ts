import { getCompileCacheDir } from 'node:module';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { AipError } from '@aip/wire';
import type { WriterPort } from '../journal/journal.ts';
import type { Committed } from '../journal/writer.ts';
import type { Group } from '../kernel/entry.ts';
import type { WriterData, WriterReply, WriterRequest } from './writer.ts';

/** The journal's writer in its own thread. One batch is under way at a time, so replies need no names. */
export interface WriterThread extends WriterPort {
  /** Resolves with the reason when the thread has ended without having been closed. */
  readonly died: Promise<Error>;
  close(): Promise<void>;
}

/** Resolves when the log is open. Throws CONFIG_INVALID when it cannot be opened. */
export async function startWriterThread(data: WriterData): Promise<WriterThread> {
  const worker = new Worker(new URL('./writer.ts', import.meta.url), {
    workerData: data,
    // Without the cache its thread would load the compiler of types again: 30 MB, and WebAssembly, with which V8
    // sometimes crashes when a thread ends.
    env: { ...process.env, ...compileCache() },
    // Its garbage is short-lived and small: a small nursery keeps it out of the process's memory.
    resourceLimits: { maxYoungGenerationSizeMb: 16 },
  });
  let waiting: PromiseWithResolvers<WriterReply> | undefined;
  let gone: Error | undefined;

  worker.on('message', (reply: WriterReply) => waiting?.resolve(reply));
  worker.on('error', (error) => fail(error as Error));
  worker.on('exit', () => fail(new Error('The journal’s writer has stopped.')));

  const { promise: died, resolve: die } = Promise.withResolvers<Error>();
  let closing = false;

  function fail(error: Error): void {
    gone ??= error;
    waiting?.reject(gone);
    if (!closing) die(gone);
  }

  function next(): Promise<WriterReply> {
    if (gone) return Promise.reject(gone);
    waiting = Promise.withResolvers<WriterReply>();
    return waiting.promise;
  }

  let tail: Promise<unknown> = Promise.resolve();

  async function inTurn(before: Promise<unknown>, request: WriterRequest): Promise<WriterReply> {
    await before;
    const answer = next();
    worker.postMessage(request, []);
    return answer;
  }

  function ask(request: WriterRequest): Promise<WriterReply> {
    const reply = inTurn(tail, request);
    tail = reply.catch(() => {});
    return reply;
  }

  await next().catch((cause: Error) => {
    throw new AipError(
      'CONFIG_INVALID',
      `The log ${data.file} cannot be opened: ${cause.message}. Free space if its disk is full, restore it from a backup if it is damaged, or choose another folder with --data-dir.`,
      { cause },
    );
  });
  return {
    async commit(groups: readonly Group[]): Promise<Committed> {
      const reply = await ask({ groups: JSON.stringify(groups) });
      if (!('committed' in reply)) throw new Error('The journal’s writer answered out of turn.');
      return reply.committed;
    },
    died,
    async close() {
      closing = true;
      await ask({ close: true }).catch(() => {});
      await worker.terminate();
    },
  };
}

/** The cache that this thread uses: Node names the folder of its own version inside the one it was given. */
function compileCache(): { NODE_COMPILE_CACHE?: string } {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(folder) };
}
