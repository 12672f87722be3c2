import { createHash } from 'node:crypto';
import { AipError } from '@aip/wire';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Crossing } from '../kernel/guard.ts';
import { uuidv7 } from '../kernel/ids.ts';
import type { Draft, Message } from '../kernel/message.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Session } from '../kernel/session.ts';
import type { LiveTask } from './live-task.ts';
import { contentOf } from './records.ts';
import type { Meant } from './resource-meant.ts';

/** Delegations deeper than this are a loop. */
const MAX_DEPTH = 16;

/** Whoever works on a task acts for who has sent it, and for those that one acts for: a chain, never a swap. */
export const actingFor = (principal: Principal, onBehalfOf: Principal | undefined): Principal =>
  onBehalfOf === undefined ? principal : { ...principal, onBehalfOf };

/**
 * Completes an edge's draft: identity from the session, what is meant by it, a fresh id. `parent` is the live task the
 * sender works on, already checked.
 */
export function messageFrom(
  session: Session,
  draft: Draft,
  { target, body }: Meant,
  parent: Pick<LiveTask, 'message'> | undefined,
  now: number,
): Message {
  const id = uuidv7(now);
  const { address: to } = target;
  const isResolved = draft.idempotencyKey !== undefined && (draft.to !== to || draft.body !== body);
  return {
    ...draft,
    id,
    kind: draft.kind ?? 'request',
    to,
    body,
    ...(isResolved ? { asked: draft.body === body ? { to: draft.to } : { to: draft.to, body: draft.body } } : {}),
    from: actingFor(session.principal, parent?.message.from),
    session: session.id,
    edge: session.edge,
    ...(session.address === undefined ? {} : { address: session.address }),
    taskId: draft.taskId ?? uuidv7(now),
    accepts: draft.accepts ?? session.accepts,
  };
}

/** What a message inherits from the task on whose behalf it is sent. */
export type Chain = Pick<LiveTask, 'depth' | 'scopes'>;

/** The chain in which a task itself was sent, when it is decided again: its parent may have ended since. */
export const chainOf = ({ depth, scopes }: Chain): Chain => ({ depth: depth - 1, scopes });

/**
 * Prepares a message for the guards. `parent` is the live task the sender works on, already checked. `skills` are what
 * the target may run, if it is an agent.
 */
export function crossingOf(
  message: Message,
  target: CatalogueEntry,
  skills: readonly CatalogueEntry[],
  parent: Chain | undefined,
  approval?: Crossing['approval'],
): Crossing {
  const depth = parent ? parent.depth + 1 : 0;
  if (depth > MAX_DEPTH)
    throw new AipError('LOOP_DETECTED', `This call is ${depth} delegations deep; at most ${MAX_DEPTH} are allowed.`);
  let hash: string | undefined;
  return {
    message,
    principal: message.from,
    target,
    skills,
    scopes: scopesOf(message, target, skills, parent),
    depth,
    plane: target.plane ?? 'data',
    fingerprint: () => (hash ??= createHash('sha256').update(contentOf(message)).digest('base64url')),
    ...(approval ? { approval } : {}),
    obligations: [],
    policies: [],
  };
}

/** What belongs to an upstream server; everything else belongs to an agent or to the platform. */
const SERVER_KINDS: ReadonlySet<CatalogueEntry['kind']> = new Set(['tool', 'resource', 'template', 'prompt']);

/** Every kill scope this message falls under: both ends, what may run, the session, and the chain it acts for. */
function scopesOf(
  message: Message,
  target: CatalogueEntry,
  skills: readonly CatalogueEntry[],
  parent: Chain | undefined,
): readonly string[] {
  const scopes = new Set([
    'global',
    `tenant:${message.from.tenant}`,
    `protocol:${message.edge}`,
    ...principalScopes(message.from),
    `session:${message.session}`,
  ]);
  scopes.add(SERVER_KINDS.has(target.kind) ? `server:${target.owner}` : `agent:${target.owner}`);
  for (const { kind, name } of [target, ...skills]) if (kind !== 'agent') scopes.add(`capability:${name}`);
  // Whatever stops a task stops what is done on its behalf.
  for (const scope of parent?.scopes ?? []) scopes.add(scope);
  return [...scopes];
}

function principalScopes(principal: Principal): string[] {
  const own = `agent:${principal.id}`;
  return principal.onBehalfOf ? [own, ...principalScopes(principal.onBehalfOf)] : [own];
}
