// Generated from the OpenAPI document by scripts/generate-sdk.ts; a test fails when it is out of date.
import type { Json, JsonObject } from '@aip/wire';

/** Every operation of the platform: what it takes and what it gives. */
export interface Operations {
  /** Admits an agent that has asked to join. Effect: write. */
  'agents.admit': { input: { agent: string; name?: string; roles?: string[] }; output: { did: string; name: string } };
  /** An agent announces itself and what it can do. Effect: write. */
  'agents.connect': {
    input: {
      name?: string;
      description?: string;
      version?: string;
      join_token?: string;
      capabilities?: {
        name: string;
        description?: string;
        input_schema?: { [name: string]: Json };
        output_schema?: { [name: string]: Json };
        effect?: 'read' | 'write' | 'external';
        idempotent?: boolean;
        price?: number;
      }[];
      protocol?: string;
    };
    output: {
      did: string;
      name: string;
      description: string;
      version: string;
      state: 'connected' | 'offline';
      protocol: string;
      capabilities: {
        name: string;
        description: string;
        input_schema?: { [name: string]: Json };
        output_schema?: { [name: string]: Json };
        effect: 'read' | 'write' | 'external';
        idempotent: boolean;
        price: number;
      }[];
      roles: string[];
      admitted_at: string;
      admitted_by: string;
      connected_at?: string;
      last_activity?: string;
    };
  };
  /** An agent leaves; it stays known and admitted. Effect: write. */
  'agents.disconnect': { input: JsonObject; output: { did: string } };
  /** One agent, by DID or name. Effect: read. */
  'agents.get': {
    input: { agent: string };
    output: {
      did: string;
      name: string;
      description: string;
      version: string;
      state: 'connected' | 'offline';
      protocol: string;
      capabilities: {
        name: string;
        description: string;
        input_schema?: { [name: string]: Json };
        output_schema?: { [name: string]: Json };
        effect: 'read' | 'write' | 'external';
        idempotent: boolean;
        price: number;
      }[];
      roles: string[];
      admitted_at: string;
      admitted_by: string;
      connected_at?: string;
      last_activity?: string;
    };
  };
  /** Makes a join token that admits one agent, once. Effect: write. */
  'agents.invite': {
    input: { name?: string; roles?: string[]; expires_in?: number };
    output: { join_token: string; expires_at: string };
  };
  /** Agents by words in their card, by capability, or by state; strangers that wait for admission on request. Effect: read. */
  'agents.list': {
    input: {
      query?: string;
      capability?: string;
      state?: 'connected' | 'offline' | 'pending';
      limit?: number;
      cursor?: string;
    };
    output: { agents: Json[]; next?: string };
  };
  /** Removes an agent: it has to be admitted again to come back. Effect: write. */
  'agents.remove': { input: { agent: string }; output: { did: string } };
  /** Approves or denies a call that waits; an approval is for exactly these arguments, once. Effect: write. */
  'asks.answer': {
    input: { ask: string; verdict: 'approve' | 'deny'; reason?: string };
    output: { ask: string; verdict: string };
  };
  /** Calls that wait for a person, or all that ever did. Effect: read. */
  'asks.list': { input: { state?: 'open' | 'all'; limit?: number }; output: { asks: Json[] } };
  /** Proves (RFC 6962) that the last signed checkpoint continues the log that an older one has signed. Effect: read. */
  'audit.consistency': {
    input: { from: number };
    output: { from: number; size: number; path: string[]; checkpoint: string };
  };
  /** Entries as they are hashed: text and leaf, without the content they commit to. Effect: read. */
  'audit.entries': {
    input: { from?: number; limit?: number; kind?: string };
    output: { entries: Json[]; size: number; next?: number };
  };
  /** How far the log goes: its size and its last signed checkpoint. Effect: read. */
  'audit.head': {
    input: JsonObject;
    output: {
      tenant: string;
      origin: string;
      gateway: string;
      size: number;
      checkpoint?: string;
      checkpoint_size: number;
    };
  };
  /** An inclusion proof (RFC 6962) of one entry in the last signed checkpoint. Effect: read. */
  'audit.proof': {
    input: { seq: number };
    output: { seq: number; size: number; leaf: string; path: string[]; checkpoint: string };
  };
  /** One budget with what has been spent and what is held. Effect: read. */
  'budgets.get': {
    input: { principal: string };
    output: {
      principal: string;
      name: string;
      per_call?: number;
      per_day?: number;
      total?: number;
      spent_today: number;
      spent_total: number;
      held: number;
    };
  };
  /** All budgets with what has been spent and what is held. Effect: read. */
  'budgets.list': {
    input: JsonObject;
    output: {
      budgets: {
        principal: string;
        name: string;
        per_call?: number;
        per_day?: number;
        total?: number;
        spent_today: number;
        spent_total: number;
        held: number;
      }[];
    };
  };
  /** Sets what a principal may spend: per call, per UTC day, in total. A limit left out does not limit. Effect: write. */
  'budgets.set': {
    input: { principal: string; per_call?: number; per_day?: number; total?: number };
    output: {
      principal: string;
      name: string;
      per_call?: number;
      per_day?: number;
      total?: number;
      spent_today: number;
      spent_total: number;
      held: number;
    };
  };
  /** Everything that can be called: agents, skills, tools, operations. Effect: read. */
  'catalogue.list': {
    input: { kind?: 'agent' | 'skill' | 'tool' | 'resource' | 'template' | 'prompt' | 'operation'; owner?: string };
    output: { entries: Json[] };
  };
  /** Permission to follow the log as it grows (the live feed). Effect: read. */
  'events.follow': { input: JsonObject; output: { size: number } };
  /** Stops a scope: closes its sessions, cancels its tasks, refuses everything until released. Effect: write. */
  'kills.kill': {
    input: { scope: string; reason?: string };
    output: {
      scope: string;
      mode: string;
      received_at: string;
      sessions_closed: number;
      tasks_stopped: number;
      durable: boolean;
    };
  };
  /** What is stopped or paused now. Effect: read. */
  'kills.list': {
    input: JsonObject;
    output: { kills: { scope: string; mode: string; reason: string; by: string; at: string; seq: number }[] };
  };
  /** Refuses new calls under a scope; tasks in flight may end. Effect: write. */
  'kills.pause': {
    input: { scope: string; reason?: string };
    output: {
      scope: string;
      mode: string;
      received_at: string;
      sessions_closed: number;
      tasks_stopped: number;
      durable: boolean;
    };
  };
  /** What a stop has done: the last message accepted in its scope, and that none followed. Effect: read. */
  'kills.proof': { input: { scope: string }; output: Json };
  /** Releases a stopped or paused scope. Effect: write. */
  'kills.release': { input: { scope: string; reason?: string }; output: { scope: string } };
  /** Holds of calls that ended with their effect unknown: somebody has to look. Effect: read. */
  'ledger.open': { input: JsonObject; output: { transfers: Json[] } };
  /** Captures or releases the hold of a call whose effect was unknown. Effect: write. */
  'ledger.reconcile': {
    input: { task: string; resolution: 'captured' | 'released' };
    output: { task: string; resolution: string; amount: number };
  };
  /** What a principal has paid and been paid, and its latest transfers. Effect: read. */
  'ledger.statement': { input: { principal: string; limit?: number }; output: Json };
  /** Makes a one-time code that opens the dashboard. Effect: write. */
  'logins.create': { input: JsonObject; output: { code: string } };
  /** Adds an MCP server by its URL until the platform stops; aip.yaml keeps servers, and commands, for good. Effect: write. */
  'mcp.add': {
    input: {
      url: string;
      headers?: { [name: string]: string };
      effects?: { [name: string]: 'read' | 'write' | 'external' };
      default_effect?: 'read' | 'write' | 'external';
      prices?: { [name: string]: number };
      default_price?: number;
      name: string;
    };
    output: { name: string; url: string };
  };
  /** Upstream MCP servers: how they are reached and how they are. Effect: read. */
  'mcp.list': { input: JsonObject; output: { servers: Json[] } };
  /** Takes an MCP server out until the platform starts again. Effect: write. */
  'mcp.remove': { input: { name: string }; output: { name: string } };
  /** What runs here: version, identity, agents, live tasks, size of the log. Effect: read. */
  'platform.status': {
    input: JsonObject;
    output: {
      version: string;
      gateway: string;
      started_at: string;
      agents_connected: number;
      agents_known: number;
      tasks_live: number;
      sessions: number;
      log_size: number;
    };
  };
  /** Validates the policy files on disk, or the ones given, without putting them in force. Effect: read. */
  'policies.check': {
    input: { files?: { name: string; text: string }[] };
    output: { valid: boolean; policies: number; warnings: Json[]; errors: Json[] };
  };
  /** Permits one agent to reach another over one protocol. Effect: write. */
  'policies.connect': {
    input: { from: string; to: string; protocol: 'a2a' | 'mcp' | 'ioap' | 'acp' | 'anp' | 'http' };
    output: { from: string; to: string; protocol: string; policy: string };
  };
  /** Why a call would be permitted or denied, and what would permit it. Effect: read. */
  'policies.explain': {
    input: { principal: string; to: string; protocol?: string; arguments?: { [name: string]: Json } };
    output: Json;
  };
  /** The policies in force, and what is wrong with the files if they are not. Effect: read. */
  'policies.list': { input: JsonObject; output: { files: Json[]; policies: Json[]; error?: Json } };
  /** Writes one policy file, if all policies are valid with it; it is in force at once. Effect: write. */
  'policies.put': { input: { name: string; text: string }; output: { name: string; policies: number } };
  /** Decides a YAML table of cases and compares with what their author expects. Effect: read. */
  'policies.test': { input: { cases: string }; output: { passed: number; failed: number; results: Json[] } };
  /** Cancels a task that has not ended. Effect: write. */
  'tasks.cancel': { input: { task: string }; output: { task: Json } };
  /** One task with its recorded events. Effect: read. */
  'tasks.get': { input: { task: string; after?: number }; output: { task: Json; events: Json[] } };
  /** Your own tasks, latest change first; for operators everybody’s, newest first. Effect: read. */
  'tasks.list': {
    input: { state?: string; conversation?: string; agent?: string; from?: string; limit?: number; cursor?: string };
    output: { tasks: Json[]; next?: string };
  };
  /** Makes an API token; it is shown this once only. Effect: write. */
  'tokens.create': {
    input: { name: string; roles?: ('caller' | 'operator' | 'viewer')[]; agent?: string; expires_in?: number };
    output: { id: string; name: string; token: string; roles: string[] };
  };
  /** API tokens, without their secrets. Effect: read. */
  'tokens.list': { input: JsonObject; output: { tokens: Json[] } };
  /** Revokes an API token at once. Effect: write. */
  'tokens.revoke': { input: { id: string }; output: { id: string } };
}
