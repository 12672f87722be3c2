import type { Entity } from './types.ts';
import type { EntityRef } from './value.ts';
import { entity } from './value.ts';

/** The entities of one decision, by uid; of two with the same uid the last counts. */
export const entitySlice = (entities: Iterable<Entity>): Map<string, Entity> =>
  new Map(Array.from(entities, (one) => [one.ref.uid, one]));

/** Which type owns what, and where the owner's id ends in the id of what it owns. */
const OWNERS: Readonly<Record<string, readonly [owner: string, separator: string]>> = {
  Tool: ['Server', '/'],
  Resource: ['Server', '/'],
  Prompt: ['Server', '/'],
  Skill: ['Agent', '/'],
  Operation: ['Domain', '.'],
};

/** What an entity is in by its id alone: `Tool::"files/read"` is in `Server::"files"`. */
export function ownersOf({ type, id }: EntityRef): EntityRef[] {
  const [owner, separator] = OWNERS[type] ?? [];
  const end = separator === undefined ? -1 : id.indexOf(separator);
  return owner === undefined || end < 1 ? [] : [entity(owner, id.slice(0, end))];
}
