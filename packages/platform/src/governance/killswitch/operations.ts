import { AipError } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import { EDGES } from '../../kernel/message.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { DEFAULT_TENANT, type Principal } from '../../kernel/principal.ts';
import type { KillMode, KillRow } from './decider.ts';
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

const reasonInput = z.string().min(1).max(500).default('no reason given');

const stopOutput = z.object({
  scope: z.string(),
  mode: z.string(),
  received_at: z.string(),
  sessions_closed: z.number(),
  tasks_stopped: z.number(),
  /** false: in force, but not in the log yet; it will be as soon as the log can be written. */
  durable: z.boolean(),
});

const stopView = (stop: Stop, durable: boolean): z.infer<typeof stopOutput> => ({
  scope: stop.scope,
  mode: stop.mode,
  received_at: new Date(stop.received).toISOString(),
  sessions_closed: stop.sessions,
  tasks_stopped: stop.tasks,
  durable,
});

/** Kill, pause and release; they skip gate and budget, never authentication, policy or record. */
export function killOperations(exchange: () => Exchange, latch: Latch, now: () => number): Operation[] {
  function stopOperation(mode: KillMode, summary: string): Operation {
    const input = z.object({ scope: scopeInput.refine(isKnown, UNKNOWN_PROTOCOL), reason: reasonInput });
    return operation({
      name: `kills.${mode}`,
      summary,
      effect: 'write',
      plane: 'control',
      input,
      output: stopOutput,
      latch({ principal, message }, { scope, reason }) {
        const stop = {
          scope: steerable(exchange(), principal, scope),
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
        return stopView(stop, false);
      },
      handler({ message }) {
        const stop = latch.order(message.id);
        if (!stop)
          throw new AipError(
            'CONFLICT',
            'This stop has been recorded, or released, by itself meanwhile; "aip kills" lists what is stopped.',
          );
        return { output: stopView(stop, true), entries: [killEntry(stop)] };
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
      handler({ principal }, input) {
        const scope = steerable(exchange(), principal, input.scope);
        return {
          output: { scope },
          entries: [{ kind: 'release', head: { scope, reason: input.reason, by: principal.id } }],
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
            kills: rows.map(({ scope, mode, reason, by, at, seq }) => ({
              scope,
              mode,
              reason,
              by,
              at: new Date(at).toISOString(),
              seq,
            })),
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
    if (error instanceof AipError && !scope.includes(':', 6)) throw error;
    return scope;
  }
}

/** Cancels what is under way in a scope and closes its sessions; in this order, so that who works on a task is still told. */
function stopEverything(exchange: Exchange, stop: Stop): void {
  const { scope, reason } = stop;
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
    session.close('KILLED', reason);
    stop.sessions++;
  }
}
