import { AipError } from '@aip/wire';
import { z } from 'zod';
import { taskHead } from '../../exchange/history.ts';
import type { Exchange } from '../../exchange/index.ts';
import { senderKey } from '../../exchange/task-decider.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { isDidKey, NOT_A_DID } from '../../kernel/did.ts';
import { EDGES } from '../../kernel/message.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { DEFAULT_TENANT, type Principal } from '../../kernel/principal.ts';
import { killKey, outlasts, stopped, type KillMode, type KillRow } from './decider.ts';
import { isExempt } from './guard.ts';
import { GLOBAL, killEntry, type Latch, type Stop } from './latch.ts';
import { killProof } from './proof.ts';

const SCOPE = /^(global|(tenant|protocol|agent|server|capability|session):.+)$/;

const scopeInput = z
  .string()
  .max(512)
  .regex(
    SCOPE,
    'expected global, agent:<did or name>, capability:<name>, server:<name>, protocol:<edge>, session:<id> or tenant:<name>',
  );

const PROTOCOLS: ReadonlySet<string> = new Set(EDGES);
const UNKNOWN_PROTOCOL = `there is no such protocol; there are ${EDGES.join(', ')}`;
/** Stopped by a name that nothing has, everything would go on. */
const isKnown = (scope: string): boolean => !scope.startsWith('protocol:') || PROTOCOLS.has(scope.slice(9));
/** Nobody can have a DID that has been cut off; what was stopped by one can still be released. */
const isPossible = (scope: string): boolean => !scope.startsWith('agent:did:') || isDidKey(scope.slice(6));

const reasonInput = z.string().min(1).max(500).default('no reason given');

/** What is in force after a stop: a scope that was stopped as much before keeps that stop, its time and its reason. */
const stopOutput = z.object({
  scope: z.string(),
  mode: z.string(),
  reason: z.string(),
  received_at: z.string(),
  /** true: it was stopped already, by another order. */
  already: z.boolean(),
  /** false: nothing that is known here has this scope now; whatever comes under that name is stopped. */
  matches: z.boolean(),
  sessions_closed: z.number(),
  tasks_stopped: z.number(),
  /** false: in force, but not in the log yet; it will be as soon as the log can be written. */
  durable: z.boolean(),
});

function stopView(stop: Stop, standing: KillRow | undefined, durable: boolean): z.infer<typeof stopOutput> {
  const already = standing !== undefined && outlasts(standing.mode, stop.mode);
  const { mode, reason } = already ? standing : stop;
  return {
    scope: stop.scope,
    mode,
    reason,
    received_at: new Date(already ? standing.received_at : stop.received).toISOString(),
    already,
    matches: stop.matches,
    sessions_closed: stop.sessions,
    tasks_stopped: stop.tasks,
    durable,
  };
}

/** Kill, pause and release; they skip gate and budget, never authentication, policy or record. */
export function killOperations(exchange: () => Exchange, latch: Latch, now: () => number): Operation[] {
  function stopOperation(mode: KillMode, summary: string): Operation {
    const input = z.object({
      scope: scopeInput.refine(isKnown, UNKNOWN_PROTOCOL).refine(isPossible, NOT_A_DID),
      reason: reasonInput,
    });
    return operation({
      name: `kills.${mode}`,
      summary,
      effect: 'write',
      plane: 'control',
      input,
      output: stopOutput,
      latch({ principal, message }, { scope, reason }) {
        const steered = steerable(exchange(), principal, scope);
        const name = agentName(exchange(), principal.tenant, steered);
        const stop = {
          scope: steered,
          ...(name === undefined ? {} : { name }),
          matches: isAnything(exchange(), principal.tenant, steered),
          mode,
          reason,
          by: principal.id,
          received: now(),
          message: message.id,
          tenant: principal.tenant,
          sessions: 0,
          tasks: 0,
        };
        latch.set(stop);
        if (mode !== 'pause') stopEverything(exchange(), stop);
        return stopView(stop, standingIn(exchange(), stop), false);
      },
      handler({ message }) {
        const stop = latch.order(message.id);
        if (!stop)
          throw new AipError(
            'CONFLICT',
            'This stop has been recorded, or released, by itself meanwhile; "aip kills" lists what is stopped.',
          );
        return { output: stopView(stop, standingIn(exchange(), stop), true), entries: [killEntry(stop)] };
      },
    });
  }

  return [
    stopOperation('kill', 'Stops a scope: closes its sessions, cancels its tasks, refuses everything until released.'),
    stopOperation('pause', 'Refuses new calls under a scope; tasks in flight may end.'),
    operation({
      name: 'kills.release',
      summary: 'Releases a stopped or paused scope.',
      effect: 'write',
      plane: 'control',
      input: z.object({ scope: scopeInput, reason: reasonInput }),
      output: z.object({ scope: z.string() }),
      handler({ principal, message }, input) {
        const scope = steerable(exchange(), principal, input.scope);
        /** Where the log stood when it was asked for: a person may have had to agree since. */
        const since = taskHead(exchange().journal.read, principal.tenant, message.taskId)?.entry;
        const head = { scope, reason: input.reason, by: principal.id, message: message.id };
        return {
          output: { scope },
          entries: [{ kind: 'release', head: { ...head, ...(since === undefined ? {} : { since }) } }],
        };
      },
    }),
    operation({
      name: 'kills.proof',
      summary: 'What a stop has done: the last message accepted in its scope, and that none followed.',
      effect: 'read',
      plane: 'control',
      input: z.object({ scope: scopeInput }),
      output: z.object({
        scope: z.string(),
        mode: z.string(),
        reason: z.string(),
        /** Times in milliseconds since the Unix epoch; T is `received_at`. */
        kill: z.object({ seq: z.number(), at: z.number(), received_at: z.number() }),
        last_accept: z
          .object({ seq: z.number(), at: z.number(), message: z.string(), after_ms: z.number() })
          .nullable(),
        accepted_since: z.number(),
        refused_since: z.number(),
      }),
      handler({ principal }, input) {
        const scope = canonicalScope(exchange(), principal.tenant, input.scope);
        const proof = killProof(exchange().journal.read, principal.tenant, scope);
        if (!proof) throw new AipError('NOT_FOUND', `Nothing is stopped under "${scope}"; "aip kills" lists what is.`);
        return { output: proof };
      },
    }),
    operation({
      name: 'kills.list',
      summary: 'What is stopped or paused now.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({
        kills: z.array(
          z.object({
            scope: z.string(),
            /** Of the agent that is stopped, if it is known. */
            name: z.string().optional(),
            mode: z.string(),
            reason: z.string(),
            by: z.string(),
            at: z.string(),
            seq: z.number(),
          }),
        ),
      }),
      handler({ principal }) {
        const rows = exchange()
          .journal.read.open(principal.tenant, 'kill:')
          .map((row) => row.value as unknown as KillRow);
        return {
          output: {
            kills: rows.map(({ scope, name: then, mode, reason, by, at, seq }) => {
              const name = agentName(exchange(), principal.tenant, scope) ?? then;
              const stop = { scope, mode, reason, by, at: new Date(at).toISOString(), seq };
              return name === undefined ? stop : { ...stop, name };
            }),
          },
        };
      },
    }),
  ];
}

/**
 * The scope as the log knows it, if this principal may stop and release it: whatever it names ends at its own tenant,
 * and everything is for those who run the platform itself. Throws PERMISSION_DENIED.
 */
function steerable(exchange: Exchange, { tenant }: Principal, scope: string): string {
  if (scope === GLOBAL && tenant !== DEFAULT_TENANT)
    throw new AipError(
      'PERMISSION_DENIED',
      `Only those who run the platform stop everything; stop "tenant:${tenant}".`,
    );
  if (scope.startsWith('tenant:') && scope !== `tenant:${tenant}`)
    throw new AipError('PERMISSION_DENIED', `You steer the tenant ${tenant}, and no other.`);
  return canonicalScope(exchange, tenant, scope);
}

/** Agents may be named; the log and the latch know them by their DID. */
function canonicalScope(exchange: Exchange, tenant: string, scope: string): string {
  if (!scope.startsWith('agent:')) return scope;
  try {
    return `agent:${exchange.catalogue.resolve(scope as `agent:${string}`, tenant).owner}`;
  } catch (error) {
    // Whoever is not in the catalogue can still be stopped by its exact id (a service, an unknown DID).
    if (error instanceof AipError && !scope.includes(':', 6))
      throw new AipError(error.code, `${error.message} To stop an agent before it is known here, give its DID.`);
    return scope;
  }
}

/** What the agent that a scope means is called here. */
function agentName({ catalogue }: Exchange, tenant: string, scope: string): string | undefined {
  const entry = scope.startsWith('agent:') ? catalogue.get(scope as `agent:${string}`) : undefined;
  return entry && (entry.tenant ?? DEFAULT_TENANT) === tenant ? entry.name : undefined;
}

/** The stop that the log has for its scope. */
const standingIn = ({ journal }: Exchange, { tenant, scope }: Stop): KillRow | undefined =>
  journal.read.row(tenant, killKey(scope)) as unknown as KillRow | undefined;

/** Whether anything known has this scope. One may stop in advance what is not here yet, or have misspelt what is. */
function isAnything({ catalogue, journal, sessions }: Exchange, tenant: string, scope: string): boolean {
  const [kind, name] = splitScope(scope);
  const offered = (matches: (entry: CatalogueEntry) => boolean): boolean => catalogue.list({ tenant }).some(matches);
  switch (kind) {
    case 'agent':
      return (
        catalogue.get(`agent:${name}`) !== undefined ||
        journal.read.row(tenant, senderKey(name)) !== undefined ||
        Iterator.from(sessions.all()).some(({ principal }) => principal.id === name)
      );
    case 'server':
      return offered(({ kind: what, owner }) => owner === name && what !== 'agent' && what !== 'operation');
    case 'capability':
      return offered((entry) => entry.name === name && entry.kind !== 'agent');
    case 'session':
      return Iterator.from(sessions.all()).some(({ id }) => id === name);
    default:
      return true;
  }
}

function splitScope(scope: string): readonly [kind: string, name: string] {
  const colon = scope.indexOf(':');
  return colon < 0 ? [scope, ''] : [scope.slice(0, colon), scope.slice(colon + 1)];
}

/** Cancels what is under way in a scope and closes its sessions; in this order, so that who works on a task is still told. */
function stopEverything(exchange: Exchange, stop: Stop): void {
  const { scope } = stop;
  const { message } = stopped(stop);
  const reaches = (tenant: string): boolean => tenant === stop.tenant || scope === GLOBAL;
  stop.tasks += exchange.cancelAll(
    (work) => work.scopes.includes(scope) && reaches(work.message.from.tenant) && !isExempt(work),
    'kill',
  );
  for (const session of Array.from(exchange.sessions.all())) {
    const own =
      scope === GLOBAL ||
      scope === `session:${session.id}` ||
      scope === `protocol:${session.edge}` ||
      scope === `tenant:${session.principal.tenant}` ||
      scope === `agent:${session.principal.id}`;
    if (!own || !reaches(session.principal.tenant)) continue;
    session.close('KILLED', message);
    stop.sessions++;
  }
}
