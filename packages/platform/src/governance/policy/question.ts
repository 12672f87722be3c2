import type { JsonObject } from '@aip/wire';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Action, EdgeName } from '../../kernel/message.ts';
import type { Principal } from '../../kernel/principal.ts';
import { policyRequest } from './request.ts';
import type { PolicyRequest } from './types.ts';

/** A call that nobody has made, as the question that policies would answer about it. */
export interface Question {
  readonly principal: Principal;
  readonly target: CatalogueEntry;
  readonly protocol: EdgeName;
  readonly arguments: JsonObject;
}

export function question({ principal, target, protocol, arguments: given }: Question): PolicyRequest {
  const message = {
    id: '',
    kind: 'request',
    from: principal,
    to: target.address,
    action: actionFor(target),
    body: data(given),
    session: '',
    edge: protocol,
    taskId: '',
    accepts: {},
  } as const;
  return policyRequest({
    message,
    principal,
    target,
    scopes: [],
    depth: 0,
    plane: target.plane ?? 'data',
    fingerprint: () => '',
    obligations: [],
    policies: [],
  });
}

function actionFor(target: CatalogueEntry): Action {
  if (target.kind === 'tool') return 'call';
  if (target.kind === 'operation') return 'operate';
  if (target.kind === 'prompt') return 'get';
  return target.kind === 'agent' || target.kind === 'skill' ? 'invoke' : 'read';
}
