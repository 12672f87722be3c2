import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AipError } from '@aip/wire';
import type { SqlDatabase } from '../../sources/sql/store.ts';
import type { Reply, Request } from './messages.ts';

/** How long opening may take, in milliseconds, and after how much idle time the process ends. */
const OPEN_TIMEOUT = 10_000;
const IDLE = 60_000;
/** Statements that may wait for the one before them. */
const MAX_WAITING = 100;

export interface SqliteOptions {
  readonly file: string;
  /** Those that may be read; all of them unless set. */
  readonly tables?: readonly string[] | undefined;
}

/** A SQLite database, opened read-only by a process of its own that runs while there is something to do. */
export function openSqliteDatabase({ file, tables }: SqliteOptions): SqlDatabase {
  let child: ChildProcess | undefined;
  let idle: NodeJS.Timeout | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  function end(): void {
    clearTimeout(idle);
    child?.kill('SIGKILL');
    child = undefined;
  }

  /** Asks the process; whatever keeps it from answering in time ends it. */
  function ask(to: ChildProcess, request: Request, timeout: number, signal?: AbortSignal): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const stop = (error: unknown): void => {
        done();
        end();
        reject(error);
      };
      const timer = setTimeout(
        () => stop(new AipError('TIMEOUT', `The database has not answered within ${timeout / 1000} seconds.`)),
        timeout,
      );
      const gone = (): void => stop(new AipError('UPSTREAM_FAILED', 'The process that reads the database has ended.'));
      const aborted = (): void => stop(signal?.reason);
      const replied = (reply: Reply): void => {
        done();
        resolve(reply);
      };
      const done = (): void => {
        clearTimeout(timer);
        to.off('message', replied).off('exit', gone).off('error', gone);
        signal?.removeEventListener('abort', aborted);
      };
      to.once('message', replied).once('exit', gone).once('error', gone);
      signal?.addEventListener('abort', aborted, { once: true });
      if (signal?.aborted === true) aborted();
      else to.send(request, (error) => error && gone());
    });
  }

  async function opened(): Promise<ChildProcess> {
    if (child?.connected === true) return child;
    const started = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), {
      execArgv: ['--no-warnings'],
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    // It does not keep the platform up, nor outlive it.
    started.unref();
    started.channel?.unref();
    child = started;
    const reply = await ask(started, { kind: 'open', file, ...(tables ? { tables } : {}) }, OPEN_TIMEOUT);
    if (reply.kind === 'opened') return started;
    end();
    throw new AipError('CONFIG_INVALID', `${file} cannot be opened: ${reasonOf(reply)}.`);
  }

  /** One after the other: there is one process. */
  async function inTurn(request: Request, timeout: number, signal: AbortSignal): Promise<Reply> {
    if (waiting >= MAX_WAITING)
      throw new AipError('SLOW_CONSUMER', `More than ${MAX_WAITING} statements wait for this database.`);
    waiting++;
    const mine = turn.then(async () => {
      signal.throwIfAborted();
      clearTimeout(idle);
      const reply = await ask(await opened(), request, timeout, signal);
      idle = setTimeout(end, IDLE).unref();
      return reply;
    });
    turn = mine.catch(() => {}).finally(() => waiting--);
    return mine;
  }

  return {
    dialect: 'sqlite',
    async tables(signal) {
      const reply = await inTurn({ kind: 'tables' }, OPEN_TIMEOUT, signal);
      if (reply.kind === 'tables') return reply.tables;
      throw new AipError('UPSTREAM_FAILED', `The database cannot be read: ${reasonOf(reply)}.`);
    },
    async query({ sql, parameters }, { rows, timeout }, signal) {
      const reply = await inTurn({ kind: 'query', sql, parameters, rows }, timeout, signal);
      if (reply.kind === 'rows') return reply.result;
      throw new AipError('INVALID_ARGUMENT', `The database refuses this statement: ${reasonOf(reply)}.`);
    },
    async close() {
      end();
      await turn;
    },
  };
}

const reasonOf = (reply: Reply): string => (reply.kind === 'failed' ? reply.reason : 'it answers out of turn');
