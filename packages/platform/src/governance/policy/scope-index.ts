import type { EntityRef } from './value.ts';

/** What a policy's scope says about the principal or the resource. */
export type ScopeConstraint =
  | { readonly op: 'all' }
  | { readonly op: 'is'; readonly type: string }
  | { readonly op: 'eq'; readonly uid: string }
  /** With `type`, both must hold: `is Tool in Server::"files"`. */
  | { readonly op: 'in'; readonly uid: string; readonly type?: string };

/** What a policy's scope says about the action. */
export type ActionConstraint = { readonly op: 'all' } | { readonly op: 'eq' | 'in'; readonly uids: readonly string[] };

export interface Scope {
  readonly principal: ScopeConstraint;
  readonly action: ActionConstraint;
  readonly resource: ScopeConstraint;
}

/** An entity of the request, with the uids of all it is in. */
export interface Subject {
  readonly ref: EntityRef;
  readonly ancestors: ReadonlySet<string>;
}

/** Where a constraint leads; a subject follows every branch that fits it. */
interface Level<Child> {
  all: Child | undefined;
  readonly is: Map<string, Child>;
  readonly eq: Map<string, Child>;
  readonly in: Map<string, Child>;
}

/**
 * Finds the policies whose scope fits a request without looking at the others: three levels, action, then
 * principal, then resource, each a few hash lookups (one per ancestor of the subject). What it finds needs
 * no further check of its scope, but for the type of an `is … in …`.
 */
export interface ScopeIndex<Policy> {
  find(principal: Subject, action: Subject, resource: Subject): Policy[];
}

type Resources<Policy> = Level<Policy[]>;
type Principals<Policy> = Level<Resources<Policy>>;

export function indexByScope<Policy extends { readonly scope: Scope }>(
  policies: readonly Policy[],
): ScopeIndex<Policy> {
  const actions = newLevel<Principals<Policy>>();
  for (const policy of policies) {
    const { principal, action, resource } = policy.scope;
    for (const constraint of eachAction(action)) {
      const principals = grow(actions, constraint, () => newLevel<Resources<Policy>>());
      const resources = grow(principals, principal, () => newLevel<Policy[]>());
      grow(resources, resource, () => []).push(policy);
    }
  }
  return {
    find(principal, action, resource) {
      const found: Policy[] = [];
      for (const principals of fitting(actions, action)) {
        for (const resources of fitting(principals, principal)) {
          for (const bucket of fitting(resources, resource)) {
            for (const policy of bucket) if (typesFit(policy.scope, principal, resource)) found.push(policy);
          }
        }
      }
      // `action in [a, b]` stands in two branches, and an action in groups may follow both.
      return action.ancestors.size === 0 ? found : [...new Set(found)];
    },
  };
}

const newLevel = <Child>(): Level<Child> => ({ all: undefined, is: new Map(), eq: new Map(), in: new Map() });

function eachAction(action: ActionConstraint): ScopeConstraint[] {
  if (action.op === 'all') return [action];
  return [...new Set(action.uids)].map((uid) => ({ op: action.op, uid }));
}

function grow<Child>(level: Level<Child>, constraint: ScopeConstraint, create: () => Child): Child {
  if (constraint.op === 'all') return (level.all ??= create());
  const key = constraint.op === 'is' ? constraint.type : constraint.uid;
  const children = level[constraint.op];
  const child = children.get(key) ?? create();
  children.set(key, child);
  return child;
}

function fitting<Child>(level: Level<Child>, subject: Subject): Child[] {
  const found: Child[] = [];
  const add = (child: Child | undefined): void => {
    if (child !== undefined) found.push(child);
  };
  add(level.all);
  if (level.is.size > 0) add(level.is.get(subject.ref.type));
  if (level.eq.size > 0) add(level.eq.get(subject.ref.uid));
  if (level.in.size > 0) {
    add(level.in.get(subject.ref.uid));
    for (const ancestor of subject.ancestors) add(level.in.get(ancestor));
  }
  return found;
}

function typesFit({ principal, resource }: Scope, forPrincipal: Subject, forResource: Subject): boolean {
  return typeFits(principal, forPrincipal) && typeFits(resource, forResource);
}

const typeFits = (constraint: ScopeConstraint, { ref }: Subject): boolean =>
  constraint.op !== 'in' || constraint.type === undefined || constraint.type === ref.type;
