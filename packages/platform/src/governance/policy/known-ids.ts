import type { Principal } from '../../kernel/principal.ts';
import type { PolicySet } from './policy-set.ts';
import { TYPES } from './request.ts';
import { problemAt, splitPolicies, type PolicyFile, type PolicySource } from './source.ts';
import type { PolicyProblem } from './types.ts';
import { entity, quote, showEntity, type EntityRef } from './value.ts';

/** Types whose entities have an id that the platform gives, or knows; strangers have none. */
const NAMED = new Set<string>([TYPES.agent, TYPES.service, TYPES.user]);
const LITERAL = /\b(\w+)\s*::\s*("(?:[^"\\]|\\.)*")/g;

export interface KnownPrincipals {
  /** The principal of that id or name. */
  find(name: string): Principal | undefined;
  /** The name of the one who was probably meant. */
  nearest(name: string): string | undefined;
  /** Whether the platform only learns of it when it comes. */
  mayBeElsewhere(id: string): boolean;
}

/** Warns of policies that name somebody whom nobody here is: they are valid, and apply to nobody. */
export function unknownIds(set: PolicySet, files: readonly PolicyFile[], known: KnownPrincipals): PolicyProblem[] {
  const sources = files.flatMap(splitPolicies);
  return set.policies.flatMap(({ json, order }) => {
    const source = sources[order];
    if (source === undefined) return [];
    const literals = new Map(entitiesIn(json).map((ref) => [ref.uid, ref]));
    return [...literals.values()].filter((ref) => !isKnown(ref, known)).map((ref) => warning(source, ref, known));
  });
}

function isKnown({ type, id }: EntityRef, known: KnownPrincipals): boolean {
  const found = known.find(id);
  if (found !== undefined) return found.id === id && TYPES[found.kind] === type;
  return type === TYPES.user && known.mayBeElsewhere(id);
}

function warning(source: PolicySource, ref: EntityRef, known: KnownPrincipals): PolicyProblem {
  const near = known.nearest(ref.id);
  const meant = known.find(`${ref.type.toLowerCase()}:${ref.id}`) ?? known.find(ref.id) ?? (near && known.find(near));
  const hint = meant ? `did you mean ${showEntity(entity(TYPES[meant.kind], meant.id))}?` : undefined;
  const place = [...source.text.matchAll(LITERAL)].find(([, type, id]) => type === ref.type && id === quote(ref.id));
  return problemAt(source, place?.index ?? 0, `nobody here has the id ${showEntity(ref)}`, hint);
}

/** Every principal that a policy names, in its scope and in its conditions. */
function entitiesIn(json: unknown): EntityRef[] {
  if (typeof json !== 'object' || json === null) return [];
  const { type, id } = json as { readonly type?: unknown; readonly id?: unknown };
  if (typeof type === 'string' && typeof id === 'string') return NAMED.has(type) ? [entity(type, id)] : [];
  return Object.values(json).flatMap(entitiesIn);
}
