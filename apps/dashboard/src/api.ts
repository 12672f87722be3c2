import { AipError, aipErrorFromBody, type Json, type JsonObject } from '@aip/wire';

/** A capability in an agent's card. `price` in integer units per call. */
export interface Capability {
  readonly name: string;
  readonly description: string;
  readonly effect: 'read' | 'write' | 'external';
  readonly idempotent: boolean;
  readonly price: number;
}

/** Times are ISO 8601, here and below. */
export interface Agent {
  readonly did: string;
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly state: 'connected' | 'offline';
  readonly protocol: string;
  readonly capabilities: readonly Capability[];
  readonly roles: readonly string[];
  readonly admitted_at: string;
  readonly admitted_by: string;
  readonly connected_at?: string;
  readonly last_activity?: string;
}

/** Somebody who proved to own a DID and asks to join. `asked` in milliseconds since the Unix epoch. */
export interface PendingAgent {
  readonly did: string;
  readonly name: string;
  readonly asked: number;
}

export type TaskState =
  | 'submitted'
  | 'working'
  | 'input_required'
  | 'auth_required'
  | 'completed'
  | 'failed'
  | 'canceled'
  | 'rejected';

export interface Task {
  readonly id: string;
  readonly state: TaskState;
  readonly from: string;
  readonly from_name: string;
  readonly to: string;
  readonly action: string;
  readonly edge: string;
  readonly assignee?: string;
  readonly parent?: string;
  readonly price: number;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A recorded step of a task; `at` in milliseconds since the Unix epoch. */
export interface TaskEvent {
  readonly n: number;
  readonly at: number;
  readonly type: string;
  readonly state: TaskState;
  readonly [detail: string]: unknown;
}

export interface Ask {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly task: string;
  readonly from: string;
  readonly from_name: string;
  readonly to: string;
  readonly action: string;
  readonly summary?: string;
  readonly policy?: string;
  readonly approvers?: string;
  readonly arguments?: JsonObject;
  readonly asked_at: string;
  readonly expires_at?: string;
}

export type StopMode = 'kill' | 'pause' | 'quarantine';

export interface Stop {
  readonly scope: string;
  readonly mode: StopMode;
  readonly reason: string;
  readonly by: string;
  readonly at: string;
  readonly seq: number;
}

export interface StopResult {
  readonly scope: string;
  readonly mode: StopMode;
  readonly received_at: string;
  readonly sessions_closed: number;
  readonly tasks_stopped: number;
}

/**
 * What the log says about a stop. T is `received_at`, when the order reached the platform. Times in milliseconds
 * since the Unix epoch.
 */
export interface StopProof {
  readonly scope: string;
  readonly mode: StopMode;
  readonly kill: { readonly seq: number; readonly at: number; readonly received_at: number };
  /** The last message accepted in the scope, `after_ms` after T; negative before it. */
  readonly last_accept: { readonly seq: number; readonly at: number; readonly after_ms: number } | null;
  /** Accepted in the scope after the entry of the stop: 0 in every honest log. */
  readonly accepted_since: number;
  readonly refused_since: number;
}

/** Integer units; a limit that is absent or null does not exist. */
export interface Budget {
  readonly principal: string;
  readonly name?: string;
  readonly per_call?: number | null;
  readonly per_day?: number | null;
  readonly total?: number | null;
  readonly spent_today: number;
  readonly spent_total: number;
  readonly held: number;
}

export interface AuditHead {
  readonly size: number;
  /** The last signed note (C2SP tlog-checkpoint); absent before the first. */
  readonly checkpoint?: string;
  readonly origin: string;
  /** The gateway's DID, whose key signs checkpoints. */
  readonly gateway: string;
}

export interface AuditEntry {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly task?: string;
  /** Canonical text: the bytes that the leaf hashes. */
  readonly text: string;
  /** base64url. */
  readonly leaf: string;
}

export interface InclusionProof {
  /** Entries that the checkpoint covers. */
  readonly size: number;
  /** base64url, sibling of the leaf first. */
  readonly path: readonly string[];
  readonly checkpoint: string;
}

/** Who looks at this page, and the operations that the policies permit them. */
export interface Me {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly operations: readonly string[];
}

/** An MCP server behind the platform. */
export interface Server {
  readonly name: string;
  readonly state: 'starting' | 'active' | 'offline' | 'login_needed' | 'stopped';
  readonly transport: string;
  /** `modern`: 2026-07-28; `legacy`: what came before. */
  readonly era?: 'modern' | 'legacy';
  readonly since: string;
  readonly tools: number;
  readonly resources: number;
  readonly prompts: number;
  readonly quarantined: number;
  /** Times its connection was lost or not made. */
  readonly failures: number;
  readonly pid?: number;
  readonly latency_ms?: number;
  /** Why it is not active. */
  readonly error?: string;
}

/** Where MCP clients connect, and what its list of tools costs a model. */
export interface Endpoint {
  readonly path: string;
  readonly description?: string;
  readonly tools: number;
  readonly tokens: number;
  /** Where tools are searched instead of listed. */
  readonly search_tokens?: number;
  readonly missing: readonly MissingTool[];
}

/** What a virtual server names and nobody offers. */
export interface MissingTool {
  readonly name: string;
  readonly target: string;
  readonly reason: string;
}

export interface Tool {
  readonly name: string;
  readonly address: string;
  readonly title?: string;
  readonly description: string;
  readonly effect: string;
  readonly price: number;
  readonly state: string;
  readonly input_schema?: JsonObject;
  readonly digest?: string;
}

interface Listed {
  readonly address: string;
  readonly description: string;
  readonly state: string;
}

export interface ServerDetails {
  /** Absent for a virtual server. */
  readonly server?: Server;
  readonly tools: readonly Tool[];
  readonly resources: readonly Listed[];
  readonly prompts: readonly Listed[];
  readonly missing: readonly MissingTool[];
}

/** What was agreed to of a tool, and how what is offered now differs from it. */
export interface Pin {
  readonly server: string;
  readonly tool: string;
  readonly state: 'pinned' | 'quarantined' | 'rejected' | 'unpinned' | 'gone';
  /** Of what is offered now. */
  readonly digest?: string;
  readonly pinned?: string;
  readonly pinned_at?: string;
  readonly pinned_by?: string;
  readonly quarantined_at?: string;
  readonly rejected_by?: string;
  readonly findings: readonly { readonly kind: string; readonly detail: string }[];
  /** `path` is a JSON Pointer into the definition. */
  readonly changes?: readonly { readonly path: string; readonly before?: string; readonly after?: string }[];
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

async function read<T>(operation: string, query: Query = {}): Promise<T> {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  const search = new URLSearchParams(given).toString();
  const path = `/v1/${operation.replace('.', '/')}`;
  return (await request(search === '' ? path : `${path}?${search}`, {})) as T;
}

async function write<T>(operation: string, input: JsonObject): Promise<T> {
  const headers = { 'content-type': 'application/json', 'x-aip': '1' };
  const init = { method: 'POST', headers, body: JSON.stringify(input) };
  return (await request(`/v1/${operation.replace('.', '/')}`, init)) as T;
}

/** The operations that the dashboard uses. */
export const api = {
  login: (code: string) => write<null>('login', { code }),
  whoami: () => read<Me>('platform.whoami'),
  servers: () => read<{ servers: Server[]; endpoints: Endpoint[] }>('mcp.list'),
  server: (server: string) => read<ServerDetails>('mcp.inspect', { server }),
  pins: async (server: string) => (await read<{ tools: Pin[] }>('mcp.pins', { server })).tools,
  pin: (server: string, tool: string, digest: string) => write<null>('mcp.pin', { server, tool, digest }),
  reject: (server: string, tool: string) => write<null>('mcp.reject', { server, tool }),
  restart: (name: string) => write<null>('mcp.restart', { name }),
  loginTo: (server: string) => write<{ url?: string }>('mcp.login', { server }),
  agents: async () => (await read<{ agents: Agent[] }>('agents.list', { limit: 1000 })).agents,
  pendingAgents: async () => (await read<{ agents: PendingAgent[] }>('agents.list', { state: 'pending' })).agents,
  admit: (agent: string, name: string) => write<{ did: string; name: string }>('agents.admit', { agent, name }),
  task: (task: string) => read<{ task: Task; events: TaskEvent[] }>('tasks.get', { task }),
  cancelTask: (task: string) => write<{ task: Task }>('tasks.cancel', { task }),
  asks: async () => (await read<{ asks: Ask[] }>('asks.list')).asks,
  answer: (ask: string, verdict: 'approve' | 'deny', reason: string) =>
    write<{ ask: string }>('asks.answer', { ask, verdict, ...(reason === '' ? {} : { reason }) }),
  stops: async () => (await read<{ kills: Stop[] }>('kills.list')).kills,
  stop: (mode: 'kill' | 'pause', scope: string, reason: string) =>
    write<StopResult>(`kills.${mode}`, { scope, ...(reason === '' ? {} : { reason }) }),
  release: (scope: string, reason: string) =>
    write<{ scope: string }>('kills.release', { scope, ...(reason === '' ? {} : { reason }) }),
  proof: (scope: string) => read<StopProof>('kills.proof', { scope }),
  budgets: async () => (await read<{ budgets: Budget[] }>('budgets.list')).budgets,
  auditHead: () => read<AuditHead>('audit.head'),
  auditEntries: async (from: number, limit: number) =>
    (await read<{ entries: AuditEntry[] }>('audit.entries', { from, limit })).entries,
  inclusion: (seq: number) => read<InclusionProof>('audit.proof', { seq }),
};
