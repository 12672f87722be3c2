import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { ProcessUpstream } from './config.ts';
import { refusedResult } from './failures.ts';
import { idFromEdges, MAX_MESSAGE_BYTES, messageLines } from './message-lines.ts';

/** What a child process inherits; the rest of the environment may hold secrets of the platform. */
const INHERITED = ['PATH', 'HOME', 'LANG'] as const;
/** How long a process may take to end after each of: its input closing, SIGTERM. Milliseconds. */
const GRACE = 1_000;
/** After an exit, how long output that is still in the pipe is waited for: a grandchild may hold it open. */
const DRAIN = 50;
/** Of standard error no longer line is kept, in bytes. */
const MAX_STDERR_LINE = 64 * 1024;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * A transport to a server that runs as a child process. Unlike the SDK's own it hands on nothing of the environment
 * but what is named, ends a call as soon as the process has exited, and outlives messages that are too long. What else
 * the process says, `onStderr` is told line by line, whole: secrets in it are still to be hidden.
 */
export function processTransport(
  config: ProcessUpstream<string>,
  onStderr: (line: string) => void,
): Transport & { readonly pid: number | undefined; readonly stderr: null } {
  let child: Child | undefined;
  let closed = false;
  let delivered = Promise.resolve();

  const transport: Transport & { pid: number | undefined; stderr: null } = {
    // By these two the SDK recognises a local process, whose silence at the first question means an older server.
    pid: undefined,
    stderr: null,

    start() {
      const running: Child = spawn(config.command, [...(config.args ?? [])], {
        cwd: config.cwd,
        env: environment(config.env),
        stdio: ['pipe', 'pipe', 'pipe'],
        // Its own group: what it starts in turn can be ended with it, and Ctrl-C in a terminal is ours alone to handle.
        detached: process.platform !== 'win32',
        windowsHide: true,
      });
      child = running;
      transport.pid = running.pid;
      listen(running);
      return new Promise((resolve, reject) => {
        running.once('spawn', resolve);
        running.once('error', (error) => {
          reject(error);
          finish();
        });
      });
    },

    send(message) {
      const input = child?.stdin;
      if (closed || !input?.writable) return Promise.reject(new Error('The process is not running.'));
      return new Promise((resolve) => {
        if (input.write(`${JSON.stringify(message)}\n`)) resolve();
        else input.once('drain', resolve);
      });
    },

    async close() {
      const running = child;
      if (!running || running.exitCode !== null || running.signalCode !== null) return finish();
      const exited = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.stdin.end();
      if (!(await within(exited, GRACE))) signalGroup(running, 'SIGTERM');
      if (!(await within(exited, GRACE))) signalGroup(running, 'SIGKILL');
      finish();
    },
  };

  function finish(): void {
    if (closed) return;
    closed = true;
    child?.stdout.destroy();
    transport.onclose?.();
  }

  function listen(running: Child): void {
    const out = messageLines({ line: receive, oversized: refuse });
    const err = messageLines(
      { line: onStderr, oversized: () => onStderr(`a line above ${MAX_STDERR_LINE} bytes was left out`) },
      MAX_STDERR_LINE,
    );
    running.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    running.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    running.stdin.on('error', (error) => transport.onerror?.(error));
    running.once('exit', () => {
      // Whatever it has started goes with it.
      signalGroup(running, 'SIGKILL');
      const late = setTimeout(finish, DRAIN);
      running.stdout.once('end', () => {
        clearTimeout(late);
        void delivered.then(finish);
      });
    });
  }

  function receive(line: string): void {
    try {
      deliver(JSON.parse(line) as JSONRPCMessage);
    } catch {
      onStderr(`not JSON-RPC on standard output: ${line}`);
    }
  }

  /** One message a turn: the SDK handles notifications a turn later, and a result must not overtake its last progress. */
  function deliver(message: JSONRPCMessage): void {
    delivered = delivered.then(() => transport.onmessage?.(message));
  }

  function refuse(begin: string, end: string): void {
    const id = idFromEdges(begin, end);
    onStderr(`a message above ${MAX_MESSAGE_BYTES} bytes was refused`);
    if (id !== undefined) deliver(refusedResult(id));
  }

  return transport;
}

function environment(given: ProcessUpstream<string>['env']): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), ...given };
}

/** Ends the process together with everything in its group. */
function signalGroup(child: Child, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const result = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return result;
}
