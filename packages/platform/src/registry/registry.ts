import { closeSessions, expel, type Exchange } from '../exchange/index.ts';
import { agentView, catalogueEntries, type AgentRow, type AgentView, type Presence } from './agent.ts';
import { agentKey } from './decider.ts';

/** Agents in memory: always as the log has them, with who is connected on top. */
export interface Registry {
  get(did: string): AgentRow | undefined;
  view(did: string): AgentView | undefined;
  views(tenant: string): AgentView[];
  /** Who is connected now, with when and when last active. */
  present(): readonly (Presence & { readonly did: string })[];
  connect(did: string): void;
  disconnect(did: string): void;
  /** Loads what the log knows and follows it from now on. */
  start(exchange: Exchange): void;
}

export function createRegistry(now: () => number): Registry {
  const rows = new Map<string, AgentRow>();
  const presence = new Map<string, Presence>();
  let exchange: Exchange | undefined;

  function publish(row: AgentRow): void {
    exchange?.catalogue.put(row.did, catalogueEntries(row, presence.has(row.did)));
  }

  function reload(tenant: string, did: string): void {
    const row = exchange?.journal.read.row(tenant, agentKey(did)) as unknown as AgentRow | undefined;
    if (row) {
      rows.set(did, row);
      publish(row);
      return;
    }
    rows.delete(did);
    presence.delete(did);
    exchange?.catalogue.remove(did);
  }

  function touch(did: string): void {
    const seen = presence.get(did);
    if (seen) seen.active = now();
  }

  return {
    get: (did) => rows.get(did),
    view(did) {
      const row = rows.get(did);
      return row && agentView(row, presence.get(did));
    },
    views: (tenant) =>
      [...rows.values()].filter((row) => row.tenant === tenant).map((row) => agentView(row, presence.get(row.did))),
    present: () => [...presence].map(([did, seen]) => ({ did, ...seen })),
    connect(did) {
      presence.set(did, { connected: now(), active: now() });
      const row = rows.get(did);
      if (row) publish(row);
    },
    disconnect(did) {
      presence.delete(did);
      const row = rows.get(did);
      if (row) publish(row);
    },
    start(running) {
      exchange = running;
      const { journal } = running;
      for (const tenant of journal.read.tenants()) {
        for (const { value } of journal.read.open(tenant, 'agent:')) {
          const row = value as unknown as AgentRow;
          rows.set(row.did, row);
          publish(row);
        }
      }
      journal.follow(['agent.admit', 'agent.connect', 'agent.remove'], ({ kind, tenant, head }) => {
        const did = head['did'] as string;
        // An agent is here once its announcement has been taken, not when it was made.
        if (kind === 'agent.connect') presence.set(did, { connected: now(), active: now() });
        const before = rows.get(did);
        reload(tenant, did);
        // It has been turned away until now, and comes back by itself.
        if (kind === 'agent.admit' && !before && !presence.has(did)) running.routes.arrives(did);
        if (kind === 'agent.admit' && before && !sameRoles(before, rows.get(did)))
          closeSessions(running, {
            who: (principal) => principal.id === did,
            code: 'PERMISSION_DENIED',
            reason: 'The roles of this agent have changed; connect again.',
          });
        if (kind === 'agent.remove')
          expel(running, {
            who: (principal) => principal.id === did,
            assignee: did,
            code: 'NOT_ADMITTED',
            reason: 'This agent has been removed.',
          });
      });
      journal.follow(['accept', 'signal'], (entry) => touch(entry.head['from'] as string));
      journal.follow(['settle'], (entry) => touch(entry.head['assignee'] as string));
    },
  };
}

/** A connection has the roles that its agent had when it was opened. */
const sameRoles = (before: AgentRow, after: AgentRow | undefined): boolean =>
  new Set(before.roles).symmetricDifference(new Set(after?.roles)).size === 0;
