import { allArgumentsOf } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Crossing } from '../../kernel/guard.ts';
import { DEFAULT_TENANT, type Principal } from '../../kernel/principal.ts';
import type { Entity, EntitySlice, PolicyRequest } from './types.ts';
import { entity, setOf, type CedarValue, type EntityRef } from './value.ts';

const TYPES = { agent: 'Agent', user: 'User', service: 'Service', anonymous: 'Anonymous' } as const;
const TARGETS = {
  agent: 'Agent',
  skill: 'Skill',
  tool: 'Tool',
  resource: 'Resource',
  template: 'Resource',
  prompt: 'Prompt',
  operation: 'Operation',
} as const;

interface Described {
  readonly entity: Entity;
  /** The entity and everything it is in. */
  readonly all: readonly Entity[];
}

const principals = new WeakMap<Principal, Described>();
const targets = new WeakMap<CatalogueEntry, Described>();

/**
 * A message on its way, as the question that policies answer about its sender, or about one of those it acts for, and
 * about its target, or one of the skills that the target may run.
 */
export function policyRequest(
  crossing: Crossing,
  principal: Principal = crossing.principal,
  target: CatalogueEntry = crossing.target,
): PolicyRequest {
  const { message } = crossing;
  const who = described(principals, principal, describePrincipal);
  const what = described(targets, target, describeTarget);
  return {
    principal: who.entity.ref,
    action: entity('Action', message.action),
    resource: what.entity.ref,
    context: contextOf(crossing, principal),
    // Mapped to Cedar values only if a policy looks at it, so it is only projected then, too.
    get arguments() {
      return allArgumentsOf(message.body);
    },
    entities: slice(who, what),
  };
}

function described<K extends object>(cache: WeakMap<K, Described>, key: K, describe: (key: K) => Described): Described {
  const known = cache.get(key);
  if (known) return known;
  const made = describe(key);
  cache.set(key, made);
  return made;
}

function describePrincipal(principal: Principal): Described {
  const roles = principal.roles.map((role) => entity('Role', role));
  const attrs = new Map<string, CedarValue>([
    ['name', principal.name],
    ['tenant', principal.tenant],
    ['assurance', principal.assurance],
    ...(principal.scopes === undefined ? [] : ([['scopes', setOf(principal.scopes)]] as const)),
  ]);
  return one({ ref: entity(TYPES[principal.kind], principal.id), attrs, parents: roles });
}

function describeTarget(entry: CatalogueEntry): Described {
  const type = TARGETS[entry.kind];
  const id =
    entry.kind === 'agent' ? entry.owner : entry.kind === 'operation' ? entry.name : `${entry.owner}/${entry.name}`;
  const owner = ownerOf(entry);
  return one({ ref: entity(type, id), attrs: attributesOf(entry), parents: owner ? [owner] : [] });
}

const one = (own: Entity): Described => ({
  entity: own,
  all: [own, ...own.parents.map((ref) => ({ ref, attrs: new Map<string, CedarValue>(), parents: [] }))],
});

function ownerOf(entry: CatalogueEntry): EntityRef | undefined {
  if (entry.kind === 'agent') return undefined;
  if (entry.kind === 'operation') return entity('Domain', entry.owner);
  return entity(entry.kind === 'skill' ? 'Agent' : 'Server', entry.owner);
}

function attributesOf(entry: CatalogueEntry): Map<string, CedarValue> {
  switch (entry.kind) {
    case 'agent':
      // An agent as a target: what it is called; how it proved itself matters only when it speaks.
      return new Map<string, CedarValue>([
        ['name', entry.name],
        ['tenant', entry.tenant ?? DEFAULT_TENANT],
        ['assurance', 'signature'],
      ]);
    case 'skill':
      return new Map<string, CedarValue>([
        ['name', entry.name],
        ['effect', entry.effect],
      ]);
    case 'tool':
      return new Map<string, CedarValue>([
        ['name', entry.name],
        ['server', entry.owner],
        ['effect', entry.effect],
      ]);
    case 'operation':
      return new Map<string, CedarValue>([
        ['name', entry.name],
        ['effect', entry.effect],
        ['plane', entry.plane ?? 'data'],
      ]);
    case 'prompt':
      return new Map<string, CedarValue>([['name', entry.name]]);
    case 'resource':
    case 'template':
      return new Map<string, CedarValue>([['uri', entry.name]]);
  }
}

function contextOf({ message, depth, approval }: Crossing, principal: Principal): Map<string, CedarValue> {
  const context = new Map<string, CedarValue>([
    ['protocol', message.edge],
    ['depth', depth],
  ]);
  if (approval) context.set('approved', true);
  const behind = principal.onBehalfOf;
  if (behind)
    context.set(
      'onBehalfOf',
      new Map<string, CedarValue>([
        ['kind', behind.kind],
        ['id', behind.id],
        ['tenant', behind.tenant],
      ]),
    );
  return context;
}

/** The few entities of one decision: a scan beats building an index. */
function slice(who: Described, what: Described): EntitySlice {
  return {
    get: (uid) => who.all.find((item) => item.ref.uid === uid) ?? what.all.find((item) => item.ref.uid === uid),
    values: () => [...who.all, ...what.all],
  };
}
