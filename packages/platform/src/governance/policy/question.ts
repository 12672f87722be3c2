import type { Body } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Crossing } from '../../kernel/guard.ts';
import { ACTION_ON, type EdgeName } from '../../kernel/message.ts';
import type { Principal } from '../../kernel/principal.ts';
import { requestsOf } from './decision.ts';
import type { PolicyRequest } from './types.ts';

/** A call that nobody has made, as the question that policies would answer about it. */
export interface Question {
  readonly principal: Principal;
  readonly target: CatalogueEntry;
  /** Where the target is an agent: its skills, any of which it may run. */
  readonly skills?: readonly CatalogueEntry[];
  readonly protocol: EdgeName;
  readonly body: Body;
}

/** Everything that has to be permitted for the call to pass: the target itself first. */
export function questions({
  principal,
  target,
  skills = [],
  protocol,
  body,
}: Question): [PolicyRequest, ...PolicyRequest[]] {
  const message = {
    id: '',
    kind: 'request',
    from: principal,
    to: target.address,
    action: ACTION_ON[target.kind],
    body,
    session: '',
    edge: protocol,
    taskId: '',
    accepts: {},
  } as const;
  const crossing: Crossing = {
    message,
    principal,
    target,
    skills,
    scopes: [],
    depth: 0,
    plane: target.plane ?? 'data',
    fingerprint: () => '',
    obligations: [],
    policies: [],
  };
  return [...requestsOf(crossing)] as [PolicyRequest, ...PolicyRequest[]];
}
