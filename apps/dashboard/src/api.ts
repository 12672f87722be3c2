import type { Operations } from '@aip/sdk/operations';
import { AipError, aipErrorFromBody, type Json, type JsonObject } from '@aip/wire';

/** What an operation gives, as the platform describes it. Times are ISO 8601 where they are words, else in milliseconds since the Unix epoch. */
type Output<Name extends keyof Operations> = Operations[Name]['output'];

export type Agent = Output<'agents.get'>;
/** Somebody who proved to own a DID and asks to join. */
export type PendingAgent = Exclude<Output<'agents.list'>['agents'][number], Agent>;

export type Task = Output<'tasks.get'>['task'];
export type TaskState = Task['state'];
/** A recorded step of a task, with what its type says of itself. */
export type TaskEvent = Output<'tasks.get'>['events'][number] & { readonly [detail: string]: unknown };

/** A call that waits for a person; an approval also says what it is about, which policy asks, whom, and the price in units. */
export type Ask = Output<'asks.list'>['asks'][number] & {
  readonly summary?: string;
  readonly policy?: string;
  readonly approvers?: string;
  readonly price?: number;
};

export type StopMode = 'kill' | 'pause' | 'quarantine';
export type Stop = Output<'kills.list'>['kills'][number];
/** What the log says about a stop. T is `received_at`, when the order reached the platform; `after_ms` counts from it. */
export type StopProof = Output<'kills.proof'>;

/** Integer units; a limit that is absent does not exist. */
export type Budget = Output<'budgets.list'>['budgets'][number];

/** How far the log goes; `checkpoint` is the last signed note (C2SP tlog-checkpoint), absent before the first. */
export type AuditHead = Pick<Output<'audit.head'>, 'size' | 'checkpoint' | 'origin' | 'gateway'>;
/** `text` is the canonical text, the bytes that the leaf hashes; `leaf` is base64url. */
export type AuditEntry = Output<'audit.entries'>['entries'][number];
/** `path` is base64url, sibling of the leaf first; `size` counts the entries that the checkpoint covers. */
export type InclusionProof = Pick<Output<'audit.proof'>, 'size' | 'path' | 'checkpoint'>;

/** Who looks at this page, and the operations that the policies permit them. */
export type Me = Output<'platform.whoami'>;

/** MCP servers behind the platform, and where MCP clients connect. */
export type ServerList = Output<'mcp.list'>;
export type Server = ServerList['servers'][number];
export type Endpoint = ServerList['endpoints'][number];
export type ServerDetails = Output<'mcp.inspect'>;
export type Tool = ServerDetails['tools'][number];
/** A resource or a prompt. */
export type Listed = ServerDetails['resources'][number];

/** An API, a folder or a database that is offered as tools and resources. */
export type Source = Output<'sources.list'>['sources'][number];

/** What was agreed to of a tool, and how what is offered now differs from it, by JSON Pointers into the definition. */
export type Pin = Output<'mcp.pins'>['tools'][number];

/** Why the files of the policy folder are not in force, if they are not, and whether others are. */
export interface PolicyState {
  readonly problem: string | undefined;
  readonly inForce: boolean;
}

/** Longest wait for the platform's rate limit before the refusal is shown, in tries. */
const MAX_TRIES = 5;

let signedOut: () => void = () => {};
/** Called whenever the platform no longer knows this session. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

/** Sends a request; throws the platform's AipError, or one that says the platform cannot be reached. */
async function request(path: string, init: RequestInit, tries = 1): Promise<Json> {
  const response = await fetch(path, init).catch((cause: unknown) => {
    throw new AipError('AGENT_UNAVAILABLE', 'The platform does not answer. Is "aip up" still running?', { cause });
  });
  if (response.ok) return response.status === 204 ? null : ((await response.json()) as Json);
  const error = aipErrorFromBody(((await response.json().catch(() => ({}))) as JsonObject)['error']);
  if (error.code === 'UNAUTHENTICATED') signedOut();
  const wait = error.details?.['retry_after_ms'];
  if (error.code !== 'RATE_LIMITED' || typeof wait !== 'number' || tries >= MAX_TRIES) throw error;
  await new Promise((resolve) => setTimeout(resolve, wait));
  return request(path, init, tries + 1);
}

type Query = Readonly<Record<string, string | number | undefined>>;

async function read<Name extends keyof Operations>(operation: Name, query: Query = {}): Promise<Output<Name>> {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  const search = new URLSearchParams(given).toString();
  const path = `/v1/${operation.replace('.', '/')}`;
  return (await request(search === '' ? path : `${path}?${search}`, {})) as Output<Name>;
}

const write = async <Name extends keyof Operations>(
  operation: Name,
  input: Operations[Name]['input'],
): Promise<Output<Name>> => (await post(operation.replace('.', '/'), input)) as Output<Name>;

function post(where: string, body: object): Promise<Json> {
  const headers = { 'content-type': 'application/json', 'x-aip': '1' };
  return request(`/v1/${where}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

const because = (reason: string): { reason?: string } => (reason === '' ? {} : { reason });

/** The operations that the dashboard uses. */
/** States of servers and sources in which nobody has to look at them. */
const WELL: ReadonlySet<string> = new Set(['active', 'starting']);

export const api = {
  login: (code: string) => post('login', { code }),
  logout: async () => {
    await post('logout', {});
    signedOut();
  },
  whoami: () => read('platform.whoami'),
  servers: () => read('mcp.list'),
  /** Names of the servers and sources that are not as they should be; one that is just starting is. */
  failing: async () => {
    const [{ servers }, { sources }] = await Promise.all([read('mcp.list'), read('sources.list')]);
    return [...servers, ...sources].filter(({ state }) => !WELL.has(state)).map(({ name }) => name);
  },
  policyState: async (): Promise<PolicyState> => {
    const { policies, error } = await read('policies.list');
    return { problem: error?.message, inForce: policies.length > 0 };
  },
  sources: async () => (await read('sources.list')).sources,
  server: (server: string) => read('mcp.inspect', { server }),
  pins: async (server: string) => (await read('mcp.pins', { server })).tools,
  quarantine: async () => (await read('mcp.pins', { state: 'quarantined' })).tools,
  pin: (server: string, tool: string, digest: string) => write('mcp.pin', { server, tool, digest }),
  reject: (server: string, tool: string) => write('mcp.reject', { server, tool }),
  restart: (name: string) => write('mcp.restart', { name }),
  loginTo: (server: string) => write('mcp.login', { server }),
  agents: async () => (await read('agents.list', { limit: 1000 })).agents as Agent[],
  pendingAgents: async () => (await read('agents.list', { state: 'pending' })).agents as PendingAgent[],
  admit: (agent: string, name: string) => write('agents.admit', { agent, name }),
  task: async (task: string) => (await read('tasks.get', { task })) as { task: Task; events: TaskEvent[] },
  cancelTask: (task: string) => write('tasks.cancel', { task }),
  asks: async () => (await read('asks.list')).asks as Ask[],
  answer: (ask: string, verdict: 'approve' | 'deny', reason: string) =>
    write('asks.answer', { ask, verdict, ...because(reason) }),
  stops: async () => (await read('kills.list')).kills,
  stop: (mode: 'kill' | 'pause', scope: string, reason: string) =>
    write(`kills.${mode}`, { scope, ...because(reason) }),
  release: (scope: string, reason: string) => write('kills.release', { scope, ...because(reason) }),
  proof: (scope: string) => read('kills.proof', { scope }),
  budgets: async () => (await read('budgets.list')).budgets,
  auditHead: (): Promise<AuditHead> => read('audit.head'),
  auditEntries: async (from: number, limit: number) => (await read('audit.entries', { from, limit })).entries,
  inclusion: (seq: number): Promise<InclusionProof> => read('audit.proof', { seq }),
};
