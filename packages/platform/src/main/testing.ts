import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { generateKeyPair, type Json, type JsonObject } from '@aip/wire';
import { oneShot, type Exchange } from '../exchange/index.ts';
import { data } from '../kernel/body.ts';
import type { CatalogueEntry, Effect } from '../kernel/catalogue.ts';
import type { StoredEntry } from '../kernel/journal.ts';
import type { EdgeName } from '../kernel/message.ts';
import type { Credential, Principal } from '../kernel/principal.ts';
import type { Route, RouteCall } from '../kernel/route.ts';
import type { Session } from '../kernel/session.ts';
import type { TaskEvent } from '../kernel/task.ts';
import { createTelemetry } from '../telemetry/telemetry.ts';
import { loadConfig } from './config.ts';
import { openCore, type Core, type CoreOptions } from './core.ts';

/** For tests: a folder that is gone when its scope ends. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'aip-core-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** For tests: an agent that has been admitted and has announced itself, with its session. */
export interface TestAgent {
  readonly did: string;
  readonly session: Session;
}

/** For tests: a core in a data folder, and the people who use it. Nothing in it is a stand-in. */
export interface TestCore extends AsyncDisposable {
  readonly core: Core;
  readonly exchange: Exchange;
  readonly admin: Session;
  /** One request by whoever this credential, or this principal, is. */
  as(who: Credential | Principal, edge?: EdgeName): Session;
  /** An operation, as admin unless said otherwise. */
  operate<T = JsonObject>(name: string, input?: JsonObject, session?: Session): Promise<T>;
  /** A service with an API token of these roles. */
  service(name: string, ...roles: string[]): Promise<Session>;
  /** An agent that joins by invitation and is called in this process. */
  agent(name: string, options?: AgentOptions): Promise<TestAgent>;
  /** The tool `tool:notes/<name>`; returns the calls that reach it. */
  tool(name: string, options?: ToolOptions): RouteCall[];
  entries(kinds?: readonly string[]): StoredEntry[];
  /** Makes every write to the log fail as a full disk does, until the returned function is called. */
  fillDisk(): () => void;
}

export interface ToolOptions {
  readonly effect?: Effect;
  readonly idempotent?: boolean;
  readonly state?: CatalogueEntry['state'];
  readonly deliver?: Route['deliver'];
}

export interface AgentOptions {
  readonly roles?: readonly string[];
  readonly capabilities?: readonly JsonObject[];
  readonly deliver?: Route['deliver'];
}

export interface TestCoreOptions {
  /** Policy files by name, written before the start. */
  readonly policies?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly pinning?: CoreOptions['pinning'];
  readonly log?: (level: string, message: string, fields?: Record<string, unknown>) => void;
  /** false: the test calls `core.recover()` itself, once its targets are back. */
  readonly recover?: boolean;
}

/** Answers every call with its own arguments. */
async function* echo(call: RouteCall): ReturnType<Route['deliver']> {
  yield { type: 'done', body: call.message.body };
}

/** For tests: opens the core of a data folder and takes up what a stop has interrupted. */
export async function openTestCore(folder: string, options: TestCoreOptions = {}): Promise<TestCore> {
  writePolicies(join(folder, 'policies'), options.policies);
  const config = loadConfig({ env: {}, flags: { data_dir: folder, ...options.flags }, cwd: folder });
  const core = await openCore({
    config,
    telemetry: createTelemetry(),
    log: options.log ?? (() => {}),
    fetchFor: () => fetch,
    ...(options.pinning ? { pinning: options.pinning } : {}),
  });
  if (options.recover !== false) core.recover();
  const { exchange } = core;
  const tools = new Map<string, { entry: CatalogueEntry; deliver: Route['deliver']; calls: RouteCall[] }>();

  const as: TestCore['as'] = (who, edge = 'http') => {
    const principal = 'tenant' in who ? who : exchange.authenticate(who);
    return oneShot({ principal, edge }, Date.now());
  };
  const admin = as({ kind: 'bearer', token: core.secrets.adminToken });
  const operate = async <T>(name: string, input: JsonObject = {}, session = admin): Promise<T> =>
    (await exchange.operate(session, name, input)) as T & Json;

  function tool(
    name: string,
    { effect = 'write', idempotent = false, state = 'active', deliver = echo }: ToolOptions = {},
  ): RouteCall[] {
    const address = `tool:notes/${name}` as const;
    const common = { owner: 'notes', ownerName: 'notes', description: '', price: 0 } as const;
    const calls: RouteCall[] = [];
    tools.set(name, { entry: { ...common, address, kind: 'tool', name, effect, idempotent, state }, deliver, calls });
    exchange.catalogue.put(
      'notes',
      [...tools.values()].map((known) => known.entry),
    );
    exchange.routes.bind('notes', {
      reach: 'remote',
      async *deliver(call) {
        const called = tools.get(call.entry.name)!;
        called.calls.push(call);
        yield* called.deliver(call);
      },
    });
    return calls;
  }

  return {
    core,
    exchange,
    admin,
    as,
    operate,
    tool,
    async service(name, ...roles) {
      const { token } = await operate<{ token: string }>('tokens.create', { name, roles });
      return as({ kind: 'bearer', token });
    },
    async agent(name, { roles = [], capabilities = [], deliver = echo } = {}) {
      const { did } = generateKeyPair();
      const { join_token } = await operate<{ join_token: string }>('agents.invite', { name, roles: [...roles] });
      await operate(
        'agents.connect',
        { join_token, capabilities: [...capabilities] },
        as({ kind: 'signed', did }, 'ioap'),
      );
      exchange.routes.bind(did, { reach: 'session', deliver });
      return { did, session: as({ kind: 'signed', did }, 'ioap') };
    },
    entries(kinds) {
      const all = exchange.journal.read.entries('default', { from: 0, limit: 1_000_000 });
      return kinds === undefined ? all : all.filter((entry) => kinds.includes(entry.kind));
    },
    fillDisk: () => fillDisk(join(folder, 'aip.db')),
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

function writePolicies(folder: string, policies: Readonly<Record<string, string>> | undefined): void {
  if (!policies) return;
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(policies)) writeFileSync(join(folder, name), text);
}

/** A trigger refuses what the disk would: the writer's own thread, engine and transaction stay the real ones. */
function fillDisk(file: string): () => void {
  const run = (sql: string): void => {
    const db = new DatabaseSync(file);
    db.exec(`PRAGMA busy_timeout=5000; ${sql}`);
    db.close();
  };
  run(`CREATE TRIGGER disk_full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`);
  return () => run('DROP TRIGGER disk_full');
}

/** For tests: everything that a stream yields, up to its end. */
export async function all(events: AsyncIterable<TaskEvent>): Promise<TaskEvent[]> {
  return Array.fromAsync(events);
}

/** For tests: every byte of every file in the data folder, except the files that are there to hold secrets. */
export function everyByte(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (file) => file.isFile() && !/\.(key|token)$/.test(file.name),
  );
  return files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1')).join('\n');
}

/** For tests: a call of the tool `notes/<name>`. */
export const toolCall = (name: string, input: JsonObject = {}) =>
  ({ to: `tool:notes/${name}`, action: 'call', body: data(input) }) as const;
