import { AipError, type Json } from '@aip/wire';
import { parseAddress, splitOwned, type Address } from '../kernel/address.ts';
import { allArgumentsOf } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Crossing } from '../kernel/guard.ts';
import type { Draft } from '../kernel/message.ts';
import type { Operation } from '../kernel/operation.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Route } from '../kernel/route.ts';
import type { Session } from '../kernel/session.ts';
import type { Catalogue } from './catalogue.ts';
import { crossingOf, messageFrom } from './crossing.ts';
import { isSilenced } from './dispatch.ts';
import type { KnownRequests } from './known-request.ts';
import type { LiveTask } from './live-task.ts';
import { operationRoute, validInput } from './operation-route.ts';
import { resourceMeant, type Meant } from './resource-meant.ts';
import type { Routes } from './routes.ts';
import { skillMeant, skillsOf } from './skill-meant.ts';

/** What stands before the guards: who is meant, on whose behalf, and which way leads there. */
export interface Reception {
  /** What a draft has to wait for whose target may be about to be known; nearly always undefined. */
  expected(draft: Draft): Promise<unknown> | undefined;
  /** Completes an edge's draft and prepares it for the guards. Throws what is wrong with it. */
  cross(session: Session, draft: Draft): Crossing;
  /** What must work even when the log cannot be written takes effect here. */
  latch(crossing: Crossing): Json | undefined;
  routeTo(target: CatalogueEntry): Route | undefined;
  /** The way to a target that may be on its way back. `wait` in milliseconds. */
  readonly routeSoon: (target: CatalogueEntry, wait: number) => Promise<Route | undefined>;
  readonly ownRoute: Route;
}

export interface ReceptionOptions {
  readonly catalogue: Catalogue;
  readonly routes: Routes;
  readonly known: KnownRequests;
  readonly live: ReadonlyMap<string, LiveTask>;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly clock: Clock;
}

export function createReception({ catalogue, routes, known, live, operations, clock }: ReceptionOptions): Reception {
  const ownRoute = operationRoute(operations);

  function cross(session: Session, draft: Draft): Crossing {
    if (draft.deadline !== undefined && draft.deadline <= clock.now()) throw new AipError('DEADLINE_EXCEEDED');
    const meant = meantBy(session.principal, draft);
    // What nobody can decide on goes no further, whether a policy looks at it or not.
    allArgumentsOf(meant.body);
    const parent = parentOf(session, draft.parentId);
    const message = messageFrom(session, draft, meant, parent, clock.now());
    const skills = skillsOf(catalogue, meant.target, message);
    return crossingOf(message, meant.target, skills, parent);
  }

  /** A capability has whoever offers it, unless the request is known: then it stays where it went. */
  function meantBy(principal: Principal, draft: Draft): Meant {
    const before = draft.to.startsWith('capability:') ? known.meant(principal, draft) : undefined;
    return before ?? resolved(principal, draft);
  }

  function resolved(principal: Principal, draft: Draft): Meant {
    let target: CatalogueEntry;
    try {
      target = catalogue.resolve(draft.to, principal.tenant);
    } catch (error) {
      const before = known.meant(principal, draft);
      if (before) return before;
      throw withAbsence(error, draft.to);
    }
    return resourceMeant(catalogue, skillMeant(catalogue, target, draft), draft);
  }

  /** An unknown target is told apart from one whose owner is away. */
  function withAbsence(error: unknown, to: Address): unknown {
    if (!(error instanceof AipError) || error.code !== 'UNKNOWN_TARGET') return error;
    const absence = routes.get(splitOwned(parseAddress(to).name).owner)?.absence?.();
    return absence === undefined ? error : new AipError(error.code, `${error.message} ${absence}`);
  }

  /** The sender's own live assignment, which it names as the reason of this message. */
  function parentOf(session: Session, parentId: string | undefined): LiveTask | undefined {
    if (parentId === undefined) return undefined;
    const parent = live.get(parentId);
    const isAssigned = parent?.askId === undefined && parent?.target.owner === session.principal.id;
    // For somebody who may no longer be here nothing new begins while what has begun ends.
    if (parent && isAssigned && !isSilenced(parent.canceled)) return parent;
    throw new AipError(
      'INVALID_ARGUMENT',
      `parentId ${parentId} is not a live task assigned to ${session.principal.name}.`,
    );
  }

  /** An agent that has just been admitted and is called by itself, or by a skill, which it has not told of yet. */
  function arriving(to: Address): Promise<unknown> | undefined {
    const { kind, name } = parseAddress(to);
    if (kind !== 'agent' && kind !== 'skill') return undefined;
    const owner = kind === 'agent' ? name : splitOwned(name).owner;
    const agent = catalogue.list({ kind: 'agent' }).find((entry) => entry.owner === owner || entry.name === owner);
    return agent && routes.arriving(agent.owner);
  }

  const operationOf = (target: CatalogueEntry): Operation | undefined =>
    target.kind === 'operation' ? operations.get(target.name) : undefined;

  const routeTo = (target: CatalogueEntry): Route | undefined =>
    target.kind === 'operation' ? ownRoute : routes.get(target.owner);

  return {
    expected: ({ to }) =>
      routes.expected() && !catalogue.get(to)
        ? routes.expected(splitOwned(parseAddress(to).name).owner)
        : routes.awaitsArrivals
          ? arriving(to)
          : undefined,
    cross,
    latch({ target, principal, message }) {
      const operation = operationOf(target);
      return operation?.latch?.({ principal, message }, validInput(operation, message)) as Json | undefined;
    },
    routeTo,
    routeSoon: async (target, wait) => routeTo(target) ?? routes.whenBound(target.owner, wait),
    ownRoute,
  };
}
