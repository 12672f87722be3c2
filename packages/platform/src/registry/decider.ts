import { canonicalJson, type Json } from '@aip/wire';
import { NO_WRITES, type Decider, type Entry } from '../kernel/entry.ts';
import { errorBody, type ErrorBody } from '../kernel/error-body.ts';
import type { AgentRow } from './agent.ts';

/** An invitation: a join token's hash, and what its bearer becomes. */
export interface JoinRow {
  readonly id: string;
  readonly hash: string;
  readonly name?: string;
  readonly roles: readonly string[];
  readonly expires: number;
}

/** Somebody who has asked to join. */
export interface PendingRow {
  readonly did: string;
  readonly name: string;
  /** A keyed hash of the network it asked from. */
  readonly via?: string;
  /** Milliseconds since the Unix epoch. */
  readonly asked: number;
}

export const agentKey = (did: string): string => `agent:${did}`;
export const joinKey = (id: string): string => `join:${id}`;
export const pendingKey = (did: string): string => `pending:${did}`;
const nameKey = (name: string): string => `agent-name:${name.toLowerCase()}`;
/** Holds the name of an agent that has been removed, so that nobody takes its calls by calling itself the same. */
const heirless = (did: string): string => `removed:${did}`;

/**
 * Who belongs: agents join with a join token, used once, or by an operator's word; names are unique. Decided
 * inside the commit, so that two agents racing with one token do not both get in.
 */
export const agentDecider: Decider = {
  name: 'agents',
  kinds: ['agent.invite', 'agent.request', 'agent.dismiss', 'agent.admit', 'agent.connect', 'agent.remove'],
  keys(entry) {
    const head = entry.head as Record<string, string>;
    if (entry.kind === 'agent.invite') return [joinKey(head['id'] as string)];
    const own = [agentKey(head['did'] as string), pendingKey(head['did'] as string)];
    const named = [head['name'], head['was']].flatMap((name) => (name === undefined ? [] : [nameKey(name)]));
    const joined = head['join'] === undefined ? [] : [joinKey(head['join'])];
    return [...own, ...named, ...joined];
  },
  decide(rows, entry) {
    const did = entry.head['did'] as string;
    switch (entry.kind) {
      case 'agent.invite':
        return [
          { key: joinKey(entry.head['id'] as string), value: entry.head, expires: entry.head['expires'] as number },
        ];
      case 'agent.request':
        return [
          {
            key: pendingKey(did),
            value: { ...entry.head, asked: entry.at },
            open: true,
            expires: entry.at + 7 * 86_400_000,
          },
        ];
      case 'agent.dismiss':
        return [{ key: pendingKey(did), value: null }];
      case 'agent.admit':
        return admitted(rows, entry);
      case 'agent.connect':
        return connected(rows, entry);
      default: {
        const row = rows(agentKey(did)) as unknown as AgentRow | undefined;
        if (!row) return { refuse: errorBody('UNKNOWN_AGENT', `There is no agent ${did} to remove.`) };
        if (row.name !== entry.head['name']) return { refuse: RENAMED };
        return [
          { key: agentKey(did), value: null },
          { key: nameKey(row.name), value: entry.head['reserved'] === true ? heirless(did) : null },
        ];
      }
    }
  },
};

interface AdmitHead {
  readonly did: string;
  readonly name: string;
  /** An operator chose the name. */
  readonly named?: boolean;
  /** The name that the agent had before. */
  readonly was?: string;
  readonly join?: string;
}

function admitted(rows: (key: string) => Json | undefined, entry: Entry) {
  const { did, name, join, was, named } = entry.head as unknown as AdmitHead;
  const invitation = join === undefined ? undefined : (rows(joinKey(join)) as unknown as JoinRow | undefined);
  if (join !== undefined && (!invitation || invitation.expires < entry.at)) {
    return {
      refuse: errorBody('NOT_ADMITTED', 'This join token has been used or has expired; ask an operator for a new one.'),
    };
  }
  if (invitation?.name !== undefined && invitation.name !== name)
    return { refuse: errorBody('NOT_ADMITTED', `This join token admits "${invitation.name}" and nobody else.`) };
  const isGiven = named === true || invitation?.name !== undefined;
  const taken = nameTaken(rows(nameKey(name)), did, name, isGiven);
  if (taken) return { refuse: taken };
  const known = rows(agentKey(did)) as unknown as AgentRow | undefined;
  if (known && known.name !== name && known.name !== was) return { refuse: RENAMED };
  const card = { description: '', version: '', protocol: '', capabilities: [] };
  const roles = (entry.head['roles'] ?? []) as string[];
  const row: AgentRow = {
    ...card,
    ...known,
    did,
    name,
    named: isGiven || (known?.named === true && known.name === name),
    tenant: entry.tenant,
    roles,
    admitted: entry.at,
    admittedBy: entry.head['by'] as string,
  };
  return [
    ...(known === undefined ? [] : [{ key: nameKey(known.name), value: null }]),
    { key: agentKey(did), value: row as unknown as Json, open: true },
    { key: nameKey(name), value: did },
    { key: pendingKey(did), value: null },
    ...(join === undefined ? [] : [{ key: joinKey(join), value: null }]),
  ];
}

function connected(rows: (key: string) => Json | undefined, entry: Entry) {
  const row = rows(agentKey(entry.head['did'] as string)) as unknown as AgentRow | undefined;
  if (!row) return { refuse: errorBody('NOT_ADMITTED', 'This agent has not been admitted.') };
  const { name: wanted, was, card } = entry.head as { name?: string; was?: string; card?: Partial<AgentRow> };
  // The name that an operator gave stays, whatever the agent calls itself.
  const name = row.named ? row.name : (wanted ?? row.name);
  if (name !== row.name) {
    if (was !== row.name) return { refuse: RENAMED };
    const taken = nameTaken(rows(nameKey(name)), row.did, name, false);
    if (taken) return { refuse: taken };
  }
  const next: AgentRow = { ...row, ...card, name };
  // In canonical form: what is read back from the log has its members in another order than what was sent.
  if (canonicalJson(next) === canonicalJson(row)) return NO_WRITES;
  const renamed =
    name === row.name
      ? []
      : [
          { key: nameKey(row.name), value: null },
          { key: nameKey(name), value: row.did },
        ];
  return [{ key: agentKey(row.did), value: next as unknown as Json, open: true }, ...renamed];
}

const RENAMED = errorBody('CONFLICT', 'This agent has got another name meanwhile; try again.');

/** Why this agent cannot have the name; `isGiven`: an operator has said it. */
function nameTaken(holder: Json | undefined, did: string, name: string, isGiven: boolean): ErrorBody | undefined {
  if (holder === undefined || holder === did || holder === heirless(did)) return undefined;
  if (!(holder as string).startsWith(heirless('')))
    return errorBody(
      'CONFLICT',
      `Another agent is called "${name}" already; choose another name, or remove that agent first.`,
    );
  if (isGiven) return undefined;
  return errorBody(
    'CONFLICT',
    `"${name}" was the name of an agent that has been removed; only an operator gives it to another ("aip agent admit <did> --name ${name}").`,
  );
}
