// Generated from the OpenAPI document by scripts/generate-sdk.ts; a test fails when it is out of date.
import type { Json, JsonObject } from '@aip/wire';

/** Every operation of the platform: what it takes and what it gives. */
export interface Operations {
  /** Admits an agent that has asked to join, or gives one another name or other roles. Effect: write. */
  'agents.admit': {
    input: { agent: string; name?: string; roles?: string[] };
    output: { did: string; name: string; in_advance?: true };
  };
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
  /** Forgets strangers that have asked to join: one of them, or all. They may ask again. Effect: write. */
  'agents.dismiss': { input: { agent?: string }; output: { dismissed: number } };
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
    output: {
      agents: (
        | {
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
          }
        | { did: string; name: string; asked: number }
      )[];
      next?: string;
    };
  };
  /** Removes an agent and its API tokens: it has to be admitted again to come back. Effect: write. */
  'agents.remove': { input: { agent: string }; output: { did: string } };
  /** Approves or denies a call that waits; an approval is for exactly these arguments at this price, once. Effect: write. */
  'asks.answer': {
    input: { ask: string; verdict: 'approve' | 'deny'; reason?: string };
    output: { ask: string; verdict: string };
  };
  /** Calls that wait for a person, or all that ever did. Effect: read. */
  'asks.list': {
    input: { state?: 'open' | 'all'; limit?: number };
    output: {
      asks: {
        id: string;
        kind: string;
        state: 'open' | 'approved' | 'denied' | 'used' | 'closed';
        task: string;
        from: string;
        from_name: string;
        to: string;
        action: string;
        arguments?: { [name: string]: Json };
        asked_at: string;
        expires_at?: string;
        by?: string;
        reason?: string;
      }[];
    };
  };
  /** Proves (RFC 6962) that the last signed checkpoint continues the log that an older one has signed. Effect: read. */
  'audit.consistency': {
    input: { from: number };
    output: { from: number; size: number; path: string[]; checkpoint: string };
  };
  /** Entries as they are hashed: text and leaf, without the content they commit to. Effect: read. */
  'audit.entries': {
    input: { from?: number; limit?: number; kind?: string };
    output: {
      entries: { seq: number; at: number; kind: string; task?: string; n?: number; text: string; leaf: string }[];
      size: number;
      next?: number;
    };
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
      by?: string;
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
        by?: string;
      }[];
    };
  };
  /** Takes a budget away: from then on the principal can pay for nothing. What it has spent stays on record. Effect: write. */
  'budgets.remove': { input: { principal: string }; output: { principal: string } };
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
      by?: string;
      in_advance?: true;
    };
  };
  /** Everything that can be called: agents, skills, tools, operations. Effect: read. */
  'catalogue.list': {
    input: { kind?: 'agent' | 'skill' | 'tool' | 'resource' | 'template' | 'prompt' | 'operation'; owner?: string };
    output: {
      entries: {
        address: string;
        kind: 'agent' | 'skill' | 'tool' | 'resource' | 'template' | 'prompt' | 'operation';
        name: string;
        owner: string;
        ownerName: string;
        title?: string;
        description: string;
        inputSchema?: { [name: string]: Json };
        outputSchema?: { [name: string]: Json };
        effect: 'read' | 'write' | 'external';
        plane?: 'control';
        tenant?: string;
        secrets?: string[];
        idempotent: boolean;
        asks?: true;
        tasks?: 'optional' | 'required';
        price: number;
        state: 'active' | 'offline' | 'quarantined' | 'gone';
        digest?: string;
        native?: { [name: string]: Json };
        tags?: string[];
        examples?: Json[];
      }[];
    };
  };
  /** Permission to follow the log as it grows (the live feed). Effect: read. */
  'events.follow': { input: JsonObject; output: { size: number } };
  /** Stops a scope: closes its sessions, cancels its tasks, refuses everything until released. Effect: write. */
  'kills.kill': {
    input: { scope: string; reason?: string };
    output: {
      scope: string;
      mode: string;
      reason: string;
      received_at: string;
      already: boolean;
      matches: boolean;
      sessions_closed: number;
      tasks_stopped: number;
      durable: boolean;
    };
  };
  /** What is stopped or paused now. Effect: read. */
  'kills.list': {
    input: JsonObject;
    output: {
      kills: { scope: string; name?: string; mode: string; reason: string; by: string; at: string; seq: number }[];
    };
  };
  /** Refuses new calls under a scope; tasks in flight may end. Effect: write. */
  'kills.pause': {
    input: { scope: string; reason?: string };
    output: {
      scope: string;
      mode: string;
      reason: string;
      received_at: string;
      already: boolean;
      matches: boolean;
      sessions_closed: number;
      tasks_stopped: number;
      durable: boolean;
    };
  };
  /** What a stop has done: the last message accepted in its scope, and that none followed. Effect: read. */
  'kills.proof': {
    input: { scope: string };
    output: {
      scope: string;
      mode: string;
      reason: string;
      kill: { seq: number; at: number; received_at: number };
      last_accept: { seq: number; at: number; message: string; after_ms: number } | null;
      accepted_since: number;
      refused_since: number;
    };
  };
  /** Releases a stopped or paused scope. Effect: write. */
  'kills.release': { input: { scope: string; reason?: string }; output: { scope: string } };
  /** Holds of calls that ended with their effect unknown: somebody has to look. Effect: read. */
  'ledger.open': {
    input: JsonObject;
    output: { transfers: { task: string; payer: string; payee: string; amount: number; state: string; at: string }[] };
  };
  /** Captures or releases the hold of a call whose effect was unknown. Effect: write. */
  'ledger.reconcile': {
    input: { task: string; resolution: 'captured' | 'released' };
    output: { task: string; resolution: string; amount: number };
  };
  /** What a principal has paid and been paid, and its latest transfers. Effect: read. */
  'ledger.statement': {
    input: { principal: string; limit?: number };
    output: {
      principal: string;
      paid: number;
      paid_pending: number;
      received: number;
      received_pending: number;
      transfers: { task: string; payer: string; payee: string; amount: number; state: string; at: string }[];
    };
  };
  /** Makes a one-time code that opens the dashboard as whoever asks for it. Effect: write. */
  'logins.create': { input: JsonObject; output: { code: string } };
  /** Adds an MCP server by its URL, and keeps it. Commands are taken from aip.yaml only. Effect: write. */
  'mcp.add': {
    input: {
      url: string;
      headers?: { [name: string]: string };
      oauth?: {
        grant?: 'authorization_code' | 'client_credentials';
        issuer?: string;
        scopes?: string[];
        client_id?: string;
        client_secret?: string;
        private_key?: string;
        key_algorithm?: 'ES256' | 'ES384' | 'RS256' | 'PS256';
      };
      effects?: { [name: string]: 'read' | 'write' | 'external' };
      default_effect?: 'read' | 'write' | 'external';
      prices?: { [name: string]: number };
      default_price?: number;
      tasks?: { [name: string]: 'optional' | 'required' };
      pin?: 'off' | 'warn' | 'enforce';
      name: string;
    };
    output: { name: string; origin: string };
  };
  /** Waits for the end of a login that the caller has begun, at most 20 seconds; says how it stands. Effect: read. */
  'mcp.await_login': {
    input: { login: string };
    output: { server: string; state: 'open' | 'done' | 'failed'; error?: { code: string; message: string } };
  };
  /** One MCP server, or a virtual one as v/<name>: its tools, resources and prompts, and what is missing. Effect: read. */
  'mcp.inspect': {
    input: { server: string };
    output: {
      server?: {
        name: string;
        state: 'starting' | 'active' | 'offline' | 'login_needed' | 'stopped';
        transport: string;
        era?: 'modern' | 'legacy';
        since: string;
        tools: number;
        resources: number;
        prompts: number;
        quarantined: number;
        failures: number;
        pid?: number;
        latency_ms?: number;
        reached: string;
        error?: string;
        stderr?: string[];
      };
      tools: {
        name: string;
        address: string;
        title?: string;
        description: string;
        effect: string;
        price: number;
        state: string;
        input_schema?: Json;
        digest?: string;
        fixed?: { [name: string]: Json };
      }[];
      resources: { address: string; description: string; state: string }[];
      prompts: { address: string; description: string; state: string }[];
      missing: { name: string; target: string; reason: string }[];
    };
  };
  /** Upstream MCP servers and how they are; the endpoints, and what their lists cost a model. Effect: read. */
  'mcp.list': {
    input: JsonObject;
    output: {
      servers: {
        name: string;
        state: 'starting' | 'active' | 'offline' | 'login_needed' | 'stopped';
        transport: string;
        era?: 'modern' | 'legacy';
        since: string;
        tools: number;
        resources: number;
        prompts: number;
        quarantined: number;
        failures: number;
        pid?: number;
        latency_ms?: number;
        reached: string;
        error?: string;
        stderr?: string[];
      }[];
      endpoints: {
        path: string;
        description?: string;
        tools: number;
        tokens: number;
        searched: boolean;
        missing: { name: string; target: string; reason: string }[];
      }[];
      search_tokens: number;
    };
  };
  /** Begins a login at an MCP server that wants one; the URL is opened in a browser, once, within minutes. Effect: write. */
  'mcp.login': {
    input: { server: string };
    output: { server: string; login: string; url: string; expires_at: string };
  };
  /** Forgets the tokens that the caller has at an MCP server. Effect: write. */
  'mcp.logout': { input: { server: string }; output: { server: string } };
  /** Agrees to a tool as it is offered now, or to all tools of a server; ends its quarantine. Effect: write. */
  'mcp.pin': {
    input: { server: string; tool?: string; digest?: string };
    output: { server: string; pinned: { tool: string; digest: string }[]; remaining: number };
  };
  /** The pinned tools of MCP servers: which have changed or are suspicious, and how. Effect: read. */
  'mcp.pins': {
    input: { server?: string; state?: 'pinned' | 'quarantined' | 'rejected' | 'unpinned' | 'gone'; tool?: string };
    output: {
      tools: {
        server: string;
        tool: string;
        state: 'pinned' | 'quarantined' | 'rejected' | 'unpinned' | 'gone';
        digest?: string;
        pinned?: string;
        pinned_at?: string;
        pinned_by?: string;
        quarantined_at?: string;
        rejected_by?: string;
        findings: { kind: string; detail: string }[];
        changes?: { path: string; before?: string; after?: string }[];
      }[];
    };
  };
  /** Quarantines a tool whatever it becomes, until it is pinned again. Effect: write. */
  'mcp.reject': { input: { server: string; tool: string }; output: { server: string; tool: string } };
  /** Takes an MCP server out; one that stands in aip.yaml comes back when the platform starts again. Effect: write. */
  'mcp.remove': { input: { name: string }; output: { name: string } };
  /** Begins anew with an MCP server: ends its connections, and its process if it has one here. Effect: write. */
  'mcp.restart': { input: { name: string }; output: { name: string } };
  /** Forgets a tool, or all tools of a server: what is offered then is pinned as if seen for the first time. Effect: write. */
  'mcp.unpin': { input: { server: string; tool?: string }; output: { server: string; tools: string[] } };
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
  /** Who you are here, and which operations the policies permit you. Effect: read. */
  'platform.whoami': { input: JsonObject; output: { id: string; name: string; roles: string[]; operations: string[] } };
  /** Validates the policy files on disk, or the ones given, without putting them in force. Effect: read. */
  'policies.check': {
    input: { files?: { name: string; text: string }[] };
    output: {
      valid: boolean;
      policies: number;
      warnings: { file: string; line: number; column: number; message: string; hint?: string }[];
      errors: { file: string; line: number; column: number; message: string; hint?: string }[];
    };
  };
  /** Permits one agent to reach another over one protocol. Effect: write. */
  'policies.connect': {
    input: { from: string; to: string; protocol: 'a2a' | 'mcp' | 'ioap' | 'http' };
    output: { from: string; to: string; protocol: string; policy: string };
  };
  /** Why a call would be permitted or denied, and what would permit it. Effect: read. */
  'policies.explain': {
    input: { principal: string; to: string; protocol?: string; arguments?: { [name: string]: Json } };
    output: {
      decision: {
        effect: 'permit' | 'deny';
        message: string;
        reasons: { id: string; file: string; line: number; annotations: { [name: string]: string } }[];
        errors: { id: string; file: string; line: number; annotations: { [name: string]: string }; message: string }[];
        obligations: (
          | { kind: 'approve'; policy: string; by: string; expiresMs?: number }
          | { kind: 'rate'; policy: string; limit: number; windowMs: number }
          | { kind: 'log'; policy: string; note: string }
          | { kind: 'redact'; policy: string; fields: string[] }
        )[];
      };
      policies: {
        id: string;
        file: string;
        line: number;
        annotations: { [name: string]: string };
        effect: 'permit' | 'forbid';
        outcome: 'applies' | 'does not apply' | 'fails';
        unmet: string[];
      }[];
      omitted: number;
      wouldPermit: string[];
    };
  };
  /** The policies in force, and what is wrong with the files if they are not. Effect: read. */
  'policies.list': {
    input: JsonObject;
    output: {
      files: { name: string; text: string }[];
      policies: {
        id: string;
        file: string;
        line: number;
        annotations: { [name: string]: string };
        effect: 'permit' | 'forbid';
      }[];
      error?: { code: string; message: string; retryable: boolean };
    };
  };
  /** Writes one policy file, if all policies are valid with it; it is in force at once. Effect: write. */
  'policies.put': { input: { name: string; text: string }; output: { name: string; policies: number } };
  /** Decides a YAML table of cases and compares with what their author expects. Effect: read. */
  'policies.test': {
    input: { cases: string };
    output: {
      passed: number;
      failed: number;
      results: {
        name: string;
        expected: 'permit' | 'deny' | 'approve';
        actual: 'permit' | 'deny' | 'approve';
        passed: boolean;
        decision: {
          effect: 'permit' | 'deny';
          message: string;
          reasons: { id: string; file: string; line: number; annotations: { [name: string]: string } }[];
          errors: {
            id: string;
            file: string;
            line: number;
            annotations: { [name: string]: string };
            message: string;
          }[];
          obligations: (
            | { kind: 'approve'; policy: string; by: string; expiresMs?: number }
            | { kind: 'rate'; policy: string; limit: number; windowMs: number }
            | { kind: 'log'; policy: string; note: string }
            | { kind: 'redact'; policy: string; fields: string[] }
          )[];
        };
      }[];
    };
  };
  /** The names of the secrets that are kept. Effect: read. */
  'secrets.list': { input: JsonObject; output: { names: string[] } };
  /** Forgets a secret. Effect: write. */
  'secrets.remove': { input: { name: string }; output: { name: string } };
  /** Keeps a secret, encrypted, under a name that settings can cite; it is never shown again. Effect: write. */
  'secrets.set': { input: { name: string; value: string }; output: { name: string } };
  /** APIs, folders and databases that are offered as tools and resources: what each has, and what is wrong with it. Effect: read. */
  'sources.list': {
    input: JsonObject;
    output: {
      sources: {
        name: string;
        kind: 'openapi' | 'files' | 'sql' | 'http';
        state: 'starting' | 'active' | 'failed';
        tools: number;
        resources: number;
        error?: string;
        problems: string[];
      }[];
    };
  };
  /** Cancels a task that has not ended. Effect: write. */
  'tasks.cancel': {
    input: { task: string };
    output: {
      task: {
        id: string;
        state:
          | 'submitted'
          | 'working'
          | 'input_required'
          | 'auth_required'
          | 'completed'
          | 'failed'
          | 'canceled'
          | 'rejected';
        from: string;
        from_name: string;
        to: string;
        to_name: string;
        action: string;
        edge: string;
        assignee?: string;
        conversation?: string;
        parent?: string;
        ask?: string;
        events: number;
        price: number;
        created_at: string;
        updated_at: string;
      };
    };
  };
  /** One task with its recorded events, page by page. Effect: read. */
  'tasks.get': {
    input: { task: string; after?: number; limit?: number };
    output: {
      task: {
        id: string;
        state:
          | 'submitted'
          | 'working'
          | 'input_required'
          | 'auth_required'
          | 'completed'
          | 'failed'
          | 'canceled'
          | 'rejected';
        from: string;
        from_name: string;
        to: string;
        to_name: string;
        action: string;
        edge: string;
        assignee?: string;
        conversation?: string;
        parent?: string;
        ask?: string;
        events: number;
        price: number;
        created_at: string;
        updated_at: string;
      };
      events: {
        n: number;
        seq: number;
        at: number;
        type: string;
        state:
          | 'submitted'
          | 'working'
          | 'input_required'
          | 'auth_required'
          | 'completed'
          | 'failed'
          | 'canceled'
          | 'rejected';
      }[];
      next?: number;
    };
  };
  /** Your own tasks, latest change first; for operators everybody’s. Effect: read. */
  'tasks.list': {
    input: {
      state?: string;
      kind?: 'call' | 'operation';
      conversation?: string;
      agent?: string;
      from?: string;
      limit?: number;
      cursor?: string;
    };
    output: {
      tasks: {
        id: string;
        state:
          | 'submitted'
          | 'working'
          | 'input_required'
          | 'auth_required'
          | 'completed'
          | 'failed'
          | 'canceled'
          | 'rejected';
        from: string;
        from_name: string;
        to: string;
        to_name: string;
        action: string;
        edge: string;
        assignee?: string;
        conversation?: string;
        parent?: string;
        ask?: string;
        events: number;
        price: number;
        created_at: string;
        updated_at: string;
      }[];
      total: number;
      at_least?: boolean;
      next?: string;
    };
  };
  /** Makes an API token; it is shown this once only. Effect: write. */
  'tokens.create': {
    input: { name: string; roles?: ('caller' | 'operator' | 'viewer')[]; agent?: string; expires_in?: number };
    output: { id: string; name: string; token: string; roles: string[] };
  };
  /** API tokens, without their secrets. Effect: read. */
  'tokens.list': {
    input: JsonObject;
    output: {
      tokens: {
        id: string;
        name: string;
        roles: string[];
        by: string;
        created_at: string;
        expires_at?: string;
        agent?: string;
      }[];
    };
  };
  /** Revokes an API token at once. Effect: write. */
  'tokens.revoke': { input: { id: string }; output: { id: string } };
}
