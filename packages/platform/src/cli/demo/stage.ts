import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AipClient } from '@aip/sdk';
import { AipError } from '@aip/wire';

/** The real processes of a demonstration; all of them end with it. */
export interface Stage extends AsyncDisposable {
  /** Starts one of the demonstration's programs; it sees PATH, HOME and what is given here. */
  start(program: string, env?: Readonly<Record<string, string>>): ChildProcess;
  /** Done before the processes end, whether it works or not. */
  defer(tidy: () => Promise<unknown>): void;
  /** Done once the processes have ended, the latest first, whether it works or not. */
  afterwards(sweep: () => Promise<unknown> | void): void;
  /** Aborted when the stage is taken down: whoever waits for something then waits for nothing. */
  readonly signal: AbortSignal;
  /** Asks again until there is an answer. Throws TIMEOUT that says what was waited for. */
  until<T>(what: string, look: () => Promise<T | undefined>, timeout?: number, interval?: number): Promise<T>;
  /** Starts a program that prints its address, and returns that line. */
  startServer(program: string, env?: Readonly<Record<string, string>>): Promise<string>;
}

export function openStage(): Stage {
  const children = new Set<ChildProcess>();
  const down = new AbortController();
  const tidying: (() => Promise<unknown>)[] = [];
  const sweeping: (() => Promise<unknown> | void)[] = [];

  function start(program: string, env: Readonly<Record<string, string>> = {}): ChildProcess {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [path.join(import.meta.dirname, program)], {
      env: { PATH, HOME, ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  }

  return {
    start,
    signal: down.signal,
    async until(what, look, timeout = 30_000, interval = 100) {
      const deadline = Date.now() + timeout;
      for (;;) {
        const found = await look();
        if (found !== undefined) return found;
        if (Date.now() > deadline) throw new AipError('TIMEOUT', `Waited ${timeout / 1000} s for ${what}.`);
        await sleep(interval, undefined, { signal: down.signal });
      }
    },
    defer: (tidy) => void tidying.push(tidy),
    afterwards: (sweep) => void sweeping.unshift(sweep),
    async startServer(program, env) {
      const child = start(program, env);
      const [line] = (await Promise.race([
        once(child.stdout as NodeJS.ReadableStream, 'data'),
        once(child, 'exit').then(() => []),
      ])) as [Buffer?];
      if (line === undefined) throw new AipError('UPSTREAM_FAILED', `${program} ended before it was ready.`);
      return line.toString().trim();
    },
    async [Symbol.asyncDispose]() {
      down.abort();
      for (const tidy of tidying) await tidy().catch(() => {});
      await Promise.all(
        [...children].map(async (child) => {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }),
      );
      for (const sweep of sweeping) await Promise.try(sweep).catch(() => {});
    },
  };
}

/** Waits until an agent of that name is connected; returns its DID. */
export function connected(stage: Stage, client: AipClient, name: string): Promise<string> {
  return stage.until(`the agent ${name}`, async () => {
    const { agents } = (await client.operate('agents.list', { state: 'connected', query: name })) as {
      agents: { name: string; did: string }[];
    };
    return agents.find((agent) => agent.name === name)?.did;
  });
}

export interface OpenAsk {
  readonly id: string;
  readonly task: string;
  readonly summary: string;
  readonly policy: string;
}

/** Waits for a call that waits for a person. */
export function openAsk(stage: Stage, client: AipClient): Promise<OpenAsk> {
  return stage.until('a call that needs an approval', async () => {
    const { asks } = (await client.operate('asks.list', {})) as unknown as { asks: OpenAsk[] };
    return asks[0];
  });
}

/** What the demonstrations' agents may do, and which of it a person has to see first. */
export const DEMO_POLICY = `\
// Written by "aip demo", which takes it away again when it ends.

@id("demo-agents-work-together")
permit (principal is Agent, action == Action::"invoke", resource is Skill)
when { ["researcher", "clerk"].contains(principal.name) && ["summarise", "count"].contains(resource.name) };

@id("demo-agents-read-notes")
permit (principal is Agent, action == Action::"call", resource in Server::"notes")
when { ["researcher", "clerk"].contains(principal.name) && resource.effect == "read" };

@id("demo-writing-needs-a-person")
@approve("operators")
@approve_expires("15m")
permit (principal is Agent, action == Action::"call", resource in Server::"notes")
when { ["researcher", "clerk"].contains(principal.name) && resource.effect == "write" };
`;

export const NOTES_EFFECTS = { search_notes: 'read', write_note: 'write' } as const;
