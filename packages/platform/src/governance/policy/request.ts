import { allArgumentsOf } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Crossing } from '../../kernel/guard.ts';
import type { EdgeName } from '../../kernel/message.ts';
import { DEFAULT_TENANT, type Principal } from '../../kernel/principal.ts';
import { connectCommand, isConnectable } from './connection.ts';
import type { Entity, EntitySlice, PolicyRequest, RequestNames } from './types.ts';
import { entity, setOf, type CedarValue, type EntityRef } from './value.ts';

/** The type of a principal's entity, by its kind. */
export const TYPES = { agent: 'Agent', user: 'User', service: 'Service', anonymous: 'Anonymous' } as const;
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
    get names() {
      return namesOf(principal, target, message.edge);
    },
  };
}

/** Ids of services and users are what people call them; those of agents are DIDs. */
function namesOf(principal: Principal, target: CatalogueEntry, protocol: EdgeName): RequestNames {
  const isAgent = principal.kind === 'agent';
  const resource = target.kind === 'agent' ? target.name : `${target.ownerName}/${target.name}`;
  const isAgents = target.kind === 'agent' || target.kind === 'skill';
  return {
    principal: isAgent ? principal.name : principal.id,
    resource: isAgents ? resource : idOf(target),
    ...(isAgent && isAgents && isConnectable(protocol)
      ? { connect: connectCommand({ from: principal.name, to: target.ownerName, protocol }) }
      : {}),
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
  const owner = ownerOf(entry);
  return one({
    ref: entity(TARGETS[entry.kind], idOf(entry)),
    attrs: attributesOf(entry),
    parents: owner ? [owner] : [],
  });
}

const idOf = ({ kind, owner, name }: CatalogueEntry): string =>
  kind === 'agent' ? owner : kind === 'operation' ? name : `${owner}/${name}`;

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
