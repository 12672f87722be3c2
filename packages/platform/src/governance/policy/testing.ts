import { entitySlice, ownersOf } from './entity-slice.ts';
import type { PolicySet } from './policy-set.ts';
import { compilePolicies } from './policy-set.ts';
import type { Entity, PolicyRequest } from './types.ts';
import type { CedarValue, EntityRef } from './value.ts';
import { entity, record } from './value.ts';

export const ALICE = entity('User', 'user:alice');
export const CI = entity('Service', 'service:ci');
export const SCOUT = entity('Agent', 'did:key:scout');
export const SCRIBE = entity('Agent', 'did:key:scribe');
export const READ_FILE = entity('Tool', 'files/read');
const SEND_MAIL = entity('Tool', 'mail/send');
export const act = (name: string): EntityRef => entity('Action', name);

const role = (name: string): EntityRef => entity('Role', name);

/** For tests: an entity with plain attributes, in its owner and in `parents`. */
export const entityOf = (
  ref: EntityRef,
  attrs: Record<string, CedarValue> = {},
  parents: EntityRef[] = [],
): Entity => ({
  ref,
  attrs: record(attrs),
  parents: [...ownersOf(ref), ...parents],
});

/** For tests: a principal of the built-in schema. */
const principalOf = (ref: EntityRef, ...roles: string[]): Entity =>
  entityOf(ref, { name: ref.id, tenant: 'default', assurance: 'signature' }, roles.map(role));

const WORLD = [
  principalOf(ALICE, 'admin'),
  principalOf(CI, 'caller'),
  principalOf(SCOUT),
  principalOf(SCRIBE),
  entityOf(READ_FILE, { name: 'read', server: 'files', effect: 'read' }),
  entityOf(SEND_MAIL, { name: 'send', server: 'mail', effect: 'external' }),
];

type Ask = Partial<Omit<PolicyRequest, 'context' | 'entities'>> & {
  context?: Record<string, CedarValue>;
  entities?: Entity[];
};

/** For tests: by default, the scout calls the tool that reads files. */
export function ask({ context, entities = [], ...asked }: Ask = {}): PolicyRequest {
  return {
    principal: SCOUT,
    action: act('call'),
    resource: READ_FILE,
    ...asked,
    context: record({ protocol: 'mcp', depth: 0, ...context }),
    entities: entitySlice([...WORLD, ...entities]),
  };
}

/** For tests: one file of policies, not validated against a schema. */
export const unvalidated = (text: string): Promise<PolicySet> => compilePolicies([{ name: 'test.cedar', text }], null);

/** For tests: one file of policies, validated. */
export const validated = (text: string): Promise<PolicySet> => compilePolicies([{ name: 'test.cedar', text }]);
